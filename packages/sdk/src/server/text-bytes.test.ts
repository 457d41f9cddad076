import fc from "fast-check";
import { expect, test } from "vitest";
import { textBytes } from "./text-bytes.ts";

const LONG = "x".repeat(20_000);

test.each([
  ["ASCII", LONG],
  ["ASCII with controls", `${LONG}\0\t\n\u007f`],
  ["Latin-1", `${LONG}é`],
  ["a character whose low byte is ASCII", `${LONG}\u0141`],
  ["others, at the start", `漢${LONG}`],
  ["outside the first plane", `${LONG}🌍`],
  ["short", "é"],
  ["nothing", ""],
])("%s is encoded as UTF-8", (_, text) => {
  expect(Buffer.compare(textBytes(text), Buffer.from(text, "utf8"))).toBe(0);
});

test("any large text gives its UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.nat(20_000), (text, at) => {
      const long = LONG.slice(0, at) + text + LONG.slice(at);
      expect(Buffer.compare(textBytes(long), Buffer.from(long, "utf8"))).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test("a lone surrogate is refused, not replaced", () => {
  expect(() => textBytes(`${LONG}\ud800`)).toThrow(expect.objectContaining({ code: "ERR_UTF8" }));
});
