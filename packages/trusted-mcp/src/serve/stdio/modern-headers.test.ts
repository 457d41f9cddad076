import fc from "fast-check";
import { expect, it } from "vitest";
import { headerValue } from "../../bridge/mcp-headers.ts";
import { decodeHeaderValue } from "./modern-headers.ts";

it("a value that was put into a header reads back as it was", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("=?base64?=", "=?base64??=")),
      (text) => {
        expect(decodeHeaderValue(headerValue(text))).toBe(text);
      },
    ),
  );
});

it.each([
  ["=?base64?w6k=?=", "é"],
  ["=?base64??=", ""],
  // Found by fuzzing: it read as the empty name, while every other reader sees a plain value.
  ["=?base64?=", "=?base64?="],
  ["=?base64", "=?base64"],
  ["weather", "weather"],
])("%s says %j", (value, text) => {
  expect(decodeHeaderValue(value)).toBe(text);
});

it.each(["=?base64?w6k?=", "=?base64?w6k==?=", "=?base64?/w==?=", "=?base64? w6k=?=", "=?base64?é?="])(
  "%s says nothing: it is not canonical base64 of UTF-8",
  (value) => {
    expect(decodeHeaderValue(value)).toBeUndefined();
  },
);
