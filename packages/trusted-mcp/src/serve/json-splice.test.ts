import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oneLine, splice } from "./json-splice.ts";

const ID = [{ path: ["id"], json: "7" }];

describe("splice changes the named members and nothing else", () => {
  it("keeps numbers that JavaScript would round (RFC 8259 §6)", () => {
    const text = '{"jsonrpc":"2.0","id":1,"params":{"big":12345678901234567890,"small":1.0e-400}}';
    expect(splice(text, ID)).toBe(text.replace('"id":1', '"id":7'));
  });

  it("takes an id inside a string, a nested object or an array for what it is", () => {
    const text = '{"a":"\\"id\\":1}","b":{"id":2},"c":[{"id":3}],"id":4}';
    expect(splice(text, ID)).toBe('{"a":"\\"id\\":1}","b":{"id":2},"c":[{"id":3}],"id":7}');
  });

  it("finds a member whose name is written with escapes (RFC 8259 §7)", () => {
    expect(splice('{"\\u0069d":1}', ID)).toBe('{"\\u0069d":7}');
  });

  it("replaces every occurrence of a repeated member, so that no parser sees the old one", () => {
    expect(splice('{"id":1,"x":0,"id":2}', ID)).toBe('{"id":7,"x":0,"id":7}');
    const twice = '{"params":{"_meta":{"t":1}},"params":{"_meta":{"t":2}}}';
    expect(splice(twice, [{ path: ["params", "_meta", "t"], json: "9" }])).toBe(
      '{"params":{"_meta":{"t":9}},"params":{"_meta":{"t":9}}}',
    );
  });

  it("does nothing when a step of the path is no object", () => {
    const text = '{"params":[{"_meta":1}],"x":{"_meta":null}}';
    expect(splice(text, [{ path: ["params", "_meta", "t"], json: "9" }])).toBe(text);
  });

  it("copes with white space and an escaped backslash before a quote", () => {
    expect(splice(' {\n "a" : "\\\\" ,\t"id" :\r\n [1, "]"] } ', ID)).toBe(
      ' {\n "a" : "\\\\" ,\t"id" :\r\n 7 } ',
    );
  });

  it("agrees with parse, set, stringify on any JSON object", () => {
    const key = fc.oneof(fc.constantFrom("id", "params", "_meta", "t", 'a"b', "a\\"), fc.string());
    const value = fc.jsonValue();
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.boolean(), (object, pretty) => {
        const text = JSON.stringify(object, null, pretty ? 2 : 0);
        const edits = [
          { path: ["id"], json: '"new"' },
          { path: ["params", "_meta", "t"], json: "[]" },
        ];
        const expected: unknown = JSON.parse(text);
        set(expected, ["id"], "new");
        set(expected, ["params", "_meta", "t"], []);
        expect(JSON.parse(splice(text, edits))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe("oneLine", () => {
  it("joins pretty-printed JSON without changing its meaning", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const line = oneLine(JSON.stringify(value, null, 2));
        expect(line).not.toMatch(/[\r\n]/);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 100 },
    );
  });
});

function set(root: unknown, path: readonly string[], value: unknown): void {
  let node: ReturnType<typeof JSON.parse> = root;
  for (const step of path.slice(0, -1)) {
    if (typeof node !== "object" || node === null || Array.isArray(node) || !Object.hasOwn(node, step))
      return;
    node = node[step];
  }
  const last = path.at(-1)!;
  if (typeof node === "object" && node !== null && !Array.isArray(node) && Object.hasOwn(node, last))
    node[last] = value;
}
