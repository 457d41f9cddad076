import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, equal, random, utf8, utf8Decode, wipe } from "./bytes.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const code = (value: string): object => expect.objectContaining({ code: value });

describe("concat", () => {
  it("joins parts in order into memory that nothing else uses", () => {
    const joined = concat(bytes(1), bytes(), Buffer.from([2, 3]));
    expect([...joined]).toEqual([1, 2, 3]);
    expect(joined.buffer.byteLength).toBe(3);
    expect(concat()).toHaveLength(0);
  });
});

describe("utf8 (RFC 3629)", () => {
  it("round-trips every well-formed string, the byte order mark and U+FFFD included", () => {
    const text = fc.string({ unit: "binary", maxLength: 300 });
    fc.assert(fc.property(text, (value) => utf8Decode(utf8(value)) === value));
    expect(utf8Decode(utf8("\ufeffa\ufffd"))).toBe("\ufeffa\ufffd");
    expect(utf8("abc").buffer.byteLength).toBe(3);
  });

  it.each(["\ud800", "a\udc00b", "\udc00\ud800", "é\ud83d"])("refuses lone surrogates: %j", (text) => {
    expect(() => utf8(text)).toThrow(code("ERR_UTF8"));
  });

  it.each([
    ["a lone continuation byte", [0x80]],
    ["an overlong encoding (§3)", [0xc0, 0xaf]],
    ["an overlong NUL", [0xe0, 0x80, 0x80]],
    ["an encoded surrogate (§3)", [0xed, 0xa0, 0x80]],
    ["a value above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a cut sequence", [0x61, 0xe6, 0xbc]],
    ["a byte that never occurs", [0x61, 0xff]],
  ])("refuses %s", (_, values) => {
    expect(() => utf8Decode(bytes(...values))).toThrow(code("ERR_UTF8"));
  });

  it("decodes only the part of a larger buffer that a view shows", () => {
    expect(utf8Decode(utf8("xxabcé").subarray(2))).toBe("abcé");
    expect(utf8Decode(utf8("xxabc").subarray(2, 4))).toBe("ab");
  });
});

describe("equal", () => {
  it("compares contents, and refuses other lengths without throwing", () => {
    expect(equal(bytes(1, 2), Buffer.from([1, 2]))).toBe(true);
    expect(equal(bytes(), bytes())).toBe(true);
    expect(equal(bytes(1, 2), bytes(1, 3))).toBe(false);
    expect(equal(bytes(1, 2), bytes(1))).toBe(false);
  });
});

describe("random", () => {
  it("gives the length asked for, in memory of its own, never the same twice", () => {
    const value = random(32);
    expect(value).toHaveLength(32);
    expect(value.buffer.byteLength).toBe(32);
    expect(equal(value, random(32))).toBe(false);
    expect(random(0)).toHaveLength(0);
  });

  it.each([-1, 1.5, Number.NaN, 65_537])("refuses a length of %s", (length) => {
    expect(() => random(length)).toThrow(code("ERR_ARGUMENT"));
  });
});

it("wipe fills every array with zeros", () => {
  const [a, b] = [bytes(1, 2), Buffer.from([3])];
  wipe(a, b);
  expect([...a, ...b]).toEqual([0, 0, 0]);
});
