import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { occurrences } from "./search.ts";

const DISGUISES: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  nothing: (bytes) => bytes,
  base64: (bytes) => Buffer.from(bytes.toString("base64")),
  base64url: (bytes) => Buffer.from(bytes.toString("base64url")),
  hexadecimal: (bytes) => Buffer.from(bytes.toString("hex")),
  "upper-case hexadecimal": (bytes) => Buffer.from(bytes.toString("hex").toUpperCase()),
};
const some = () => fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));
const words = () => fc.string({ minLength: 6, maxLength: 30, unit: "binary" });

describe("the eavesdropper's search", () => {
  test.each(Object.keys(DISGUISES))("finds a text behind %s, whatever stands around it", (name) => {
    const disguise = DISGUISES[name] ?? ((bytes) => bytes);
    fc.assert(
      fc.property(some(), words(), some(), (before, text, after) => {
        const bytes = disguise(Buffer.concat([before, Buffer.from(text), after]));
        expect(occurrences(text, bytes)).toBeGreaterThan(0);
      }),
    );
  });

  test("finds a text inside a JSON string, in UTF-16 and percent-encoded", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, unit: "grapheme" }), (text) => {
        for (const form of [JSON.stringify({ text }), encodeURIComponent(text)])
          expect(occurrences(text, Buffer.from(form))).toBeGreaterThan(0);
        expect(occurrences(text, Buffer.from(text, "utf16le"))).toBeGreaterThan(0);
      }),
    );
  });

  test("finds nothing where nothing is", () => {
    expect(occurrences("the code is 1234", Buffer.from("the code is 4321".repeat(100)))).toBe(0);
  });
});
