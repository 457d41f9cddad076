import { encode } from "@trusted-mcp/primitives/base64url";
import { concat, random } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelError } from "../error.ts";
import { parseBinaryRequest } from "./binary.ts";
import * as json from "./json.ts";
import { parseStrictObject, type Value } from "./strict-json.ts";

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const bytes = fc.uint8Array({ maxLength: 200 });
const refused = (parse: () => unknown): Promise<string> => refusalOf(parse);

describe("JSON frames (spec §6.1) [REQ-JSON-FRAMING]", () => {
  it("are JSON-RPC 2.0 messages to whoever reads them on the way, and give back their bytes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), bytes, bytes, bytes, (id, header, one, two) => {
        const request = json.encodeRecordRequest(id, header, [one, two]);
        expect(JSON.parse(request)).toEqual({
          jsonrpc: "2.0",
          id,
          method: "trusted-mcp/1/record",
          params: { h: encode(header), c: encode(concat(one, two)) },
        });
        const frame = json.parseRequestFrame(request);
        if (frame.kind !== "record") throw new Error(frame.kind);
        expect(same(frame.header, header) && same(frame.chunks, concat(one, two))).toBe(true);

        const answer = json.encodeRecordResponse(frame.id, header, [one]);
        expect(JSON.parse(answer)).toMatchObject({ jsonrpc: "2.0", id });
        expect(same(json.parseRecordResponse(answer).chunks, one)).toBe(true);

        const handshake = json.parseRequestFrame(json.encodeHandshakeRequest(id, one));
        if (handshake.kind !== "handshake") throw new Error(handshake.kind);
        expect(same(handshake.message, one)).toBe(true);
        expect(same(json.parseHandshakeResponse(json.encodeHandshakeResponse(handshake.id, two)), two)).toBe(
          true,
        );

        const first = json.parsePart(json.encodePart(header, [one]));
        expect(first.header !== null && same(first.header, header) && same(first.chunks, one)).toBe(true);
        expect(json.parsePart(json.encodePart(null, [one, two])).header).toBeNull();
        expect(JSON.parse(json.encodePart(null, [one]))).toMatchObject({ method: "trusted-mcp/1/part" });
      }),
    );
  });

  it("echo the id that a gateway rewrote, whatever JSON-RPC allows", () => {
    for (const id of ['"abc"', "7", "-1", "1.5e3", "null", '"\\"quoted\\""', '"\\ud800"', '"\\u000a"']) {
      const frame = json.parseRequestFrame(
        `{"jsonrpc":"2.0","id":${id},"method":"trusted-mcp/1/record","params":{"h":"","c":""}}`,
      );
      expect(JSON.parse(frame.id)).toEqual(JSON.parse(id));
    }
  });

  const valid = { jsonrpc: "2.0", id: "x", method: "trusted-mcp/1/record", params: { h: "AA", c: "AA" } };
  it.each<[string, string]>([
    [
      "a duplicate member",
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"trusted-mcp/1/record","params":{"h":"","c":""}}',
    ],
    [
      "a duplicate member, once escaped",
      '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":{"h":"","\\u0068":"","c":""}}',
    ],
    ["a member that frames do not have", JSON.stringify({ ...valid, extra: 1 })],
    ["a parameter that frames do not have", JSON.stringify({ ...valid, params: { ...valid.params, x: "" } })],
    ["no id", JSON.stringify({ ...valid, id: undefined })],
    ["a boolean id", JSON.stringify({ ...valid, id: true })],
    ["an id that is an object", JSON.stringify({ ...valid, id: {} })],
    ["an id of 129 characters", JSON.stringify({ ...valid, id: "a".repeat(129) })],
    ["an id that is a very long number", JSON.stringify(valid).replace('"x"', "1".repeat(40))],
    ["a control character in the id", JSON.stringify(valid).replace('"x"', '"a\nb"')],
    ["another JSON-RPC", JSON.stringify({ ...valid, jsonrpc: "1.0" })],
    ["a number where 2.0 stands", JSON.stringify({ ...valid, jsonrpc: 2 })],
    ["another method", JSON.stringify({ ...valid, method: "tools/call" })],
    ["a plaintext initialize [W23]", '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'],
    ["a batch [W29]", `[${JSON.stringify(valid)}]`],
    ["an array inside", JSON.stringify({ ...valid, params: ["AA"] })],
    ["no parameters", JSON.stringify({ ...valid, params: undefined })],
    ["a number for bytes", JSON.stringify({ ...valid, params: { h: 1, c: "" } })],
    ["missing chunks", JSON.stringify({ ...valid, params: { h: "AA" } })],
    ["standard base64", JSON.stringify({ ...valid, params: { h: "+/+/", c: "" } })],
    ["padded base64", JSON.stringify({ ...valid, params: { h: "AA==", c: "" } })],
    ["loose trailing bits", JSON.stringify({ ...valid, params: { h: "AB", c: "" } })],
    ["white space in base64", JSON.stringify({ ...valid, params: { h: "A A", c: "" } })],
    ["a line break in base64", JSON.stringify({ ...valid, params: { h: "AA\nAA", c: "" } })],
    ["text after the object", `${JSON.stringify(valid)} x`],
    ["two objects", JSON.stringify(valid).repeat(2)],
    ["nothing", ""],
    ["white space", "   "],
    ["an open object", JSON.stringify(valid).slice(0, -1)],
    ["a single quote", JSON.stringify(valid).replaceAll('"', "'")],
    ["a trailing comma", JSON.stringify(valid).replace("}}", "},}")],
    ["a comment", `/* */${JSON.stringify(valid)}`],
    ["a byte order mark", `\ufeff${JSON.stringify(valid)}`],
    ["an escape that JSON lacks", JSON.stringify(valid).replace('"x"', '"\\x41"')],
    ["a string without end", '{"jsonrpc":"2.0'],
    ["a string that ends in an escaped quote", '{"jsonrpc":"2.0\\"}'],
    ["NaN", JSON.stringify(valid).replace('"x"', "NaN")],
    ["a leading zero", JSON.stringify(valid).replace('"x"', "01")],
    ["a plus sign", JSON.stringify(valid).replace('"x"', "+1")],
    ["objects in objects in objects", '{"jsonrpc":{"a":{"b":{"c":{}}}}}'],
    ["nine members", `{${Array.from({ length: 9 }, (_, at) => `"${at}":0`).join(",")}}`],
  ])("with %s are refused", async (_what, text) => {
    expect(await refused(() => json.parseRequestFrame(text))).toBe("ERR_MALFORMED");
  });

  it("of one kind are not taken for another [REQ-MITM-REFLECT, W15]", async () => {
    const [header, chunk] = [random(45), random(30)];
    const frames = {
      request: json.encodeRecordRequest("x", header, [chunk]),
      handshake: json.encodeHandshakeRequest("x", chunk),
      answer: json.encodeRecordResponse('"x"', header, [chunk]),
      handshakeAnswer: json.encodeHandshakeResponse('"x"', chunk),
      part: json.encodePart(header, [chunk]),
    };
    const parsers = {
      answer: json.parseRecordResponse,
      handshakeAnswer: json.parseHandshakeResponse,
      part: json.parsePart,
    };
    for (const [name, text] of Object.entries(frames)) {
      for (const [wanted, parse] of Object.entries(parsers))
        if (name !== wanted)
          expect(await refused(() => parse(text)), `${name} as ${wanted}`).toBe("ERR_MALFORMED");
      if (name !== "request" && name !== "handshake")
        expect(await refused(() => json.parseRequestFrame(text))).toBe("ERR_MALFORMED");
    }
  });

  it.each([
    ["a plaintext result [W18]", '{"jsonrpc":"2.0","id":"x","result":{"tools":[]}}'],
    ["a plaintext error [W25]", '{"jsonrpc":"2.0","id":"x","error":{"code":-32000,"message":"x"}}'],
    [
      "a plaintext notification [W19]",
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}',
    ],
    ["an empty result", '{"jsonrpc":"2.0","id":"x","result":{}}'],
    ["a result and an error", '{"jsonrpc":"2.0","id":"x","result":{"h":"","c":""},"error":{}}'],
    ["a result that is a string", '{"jsonrpc":"2.0","id":"x","result":"AA"}'],
  ])("%s is no answer [REQ-MITM-INJECT]", async (_what, text) => {
    for (const parse of [json.parseRecordResponse, json.parseHandshakeResponse, json.parsePart])
      expect(await refused(() => parse(text))).toBe("ERR_MALFORMED");
  });

  it("any text gives a value or ERR_MALFORMED [REQ-PARSERS, W29]", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.json(),
      fc
        .array(fc.constantFrom("{", "}", '"', ":", ",", "\\", " ", "a", "1", "-", "null", "[", "]"), {
          maxLength: 60,
        })
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (input) => {
        for (const parse of [
          json.parseRequestFrame,
          json.parseRecordResponse,
          json.parseHandshakeResponse,
          json.parsePart,
          parseStrictObject,
        ]) {
          try {
            parse(input);
          } catch (error) {
            expect(error).toBeInstanceOf(ChannelError);
            expect(error).toMatchObject({ code: "ERR_MALFORMED" });
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** The value as `JSON.parse` would give it. */
function plain(value: Value): unknown {
  if (typeof value === "string") return value;
  if ("scalar" in value) return JSON.parse(value.scalar);
  return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
}

describe("the strict JSON reader (RFC 8259)", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  );
  const object = (member: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> =>
    fc.dictionary(fc.string({ maxLength: 8 }), member, { maxKeys: 8, noNullPrototype: true });
  const tree = object(fc.oneof(leaf, object(fc.oneof(leaf, object(leaf)))));

  it("reads what JSON.stringify writes, as JSON.parse does", () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(0, 2, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(plain(parseStrictObject(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it("never reads what JSON.parse refuses, and never reads it differently", () => {
    const pieces = fc.array(
      fc.constantFrom(
        "{",
        "}",
        '"',
        '"a"',
        '"b"',
        ":",
        ",",
        "\\",
        '\\"',
        "\\u0041",
        "\\ud800",
        " ",
        "\n",
        "1",
        "-0",
        "1e5",
        "true",
        "null",
        "\u0001",
        "\u2028",
      ),
      { maxLength: 16 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = `{"k":${parts.join("")}}`;
        let value: ReadonlyMap<string, Value>;
        try {
          value = parseStrictObject(text);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_MALFORMED" });
          return;
        }
        expect(plain(value)).toEqual(JSON.parse(text));
      }),
      { numRuns: 3000 },
    );
  });

  it("goes three objects deep and holds eight members, no more [W30]", async () => {
    expect(plain(parseStrictObject('{"a":{"b":{"c":1}}}'))).toEqual({ a: { b: { c: 1 } } });
    expect(await refused(() => parseStrictObject('{"a":{"b":{"c":{}}}}'))).toBe("ERR_MALFORMED");
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(",")}}`;
    expect(parseStrictObject(members(8)).size).toBe(8);
    expect(await refused(() => parseStrictObject(members(9)))).toBe("ERR_MALFORMED");
  });

  it("treats `__proto__` and `constructor` as names like any other", () => {
    const value = parseStrictObject('{"__proto__":"a","constructor":"b"}');
    expect([value.get("__proto__"), value.get("constructor"), value.get("toString")]).toEqual([
      "a",
      "b",
      undefined,
    ]);
  });

  it("takes time in proportion to its input, also for backslashes and quotes [W30]", () => {
    const size = 400_000;
    for (const text of [
      `{"a":"${"\\\\".repeat(size)}"}`,
      `{"a":"${'\\"'.repeat(size)}"}`,
      `{"a":"${'\\"'.repeat(size)}`,
      `{${" ".repeat(size)}}`,
      `{"a":${"1".repeat(size)}}`,
      '{"a":'.repeat(size),
    ]) {
      const started = performance.now();
      try {
        parseStrictObject(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ChannelError);
      }
      expect(performance.now() - started).toBeLessThan(10_000);
    }
  });
});

describe("binary frames (spec §6.2)", () => {
  it("are the header and what follows it", () => {
    const body = random(100);
    const { header, chunks } = parseBinaryRequest(body);
    expect([header.length, chunks.length]).toEqual([45, 55]);
    expect(same(concat(header, chunks), body)).toBe(true);
  });

  it("too short for a chunk are refused", async () => {
    for (let length = 0; length <= 45; length += 1)
      expect(await refused(() => parseBinaryRequest(new Uint8Array(length)))).toBe("ERR_MALFORMED");
  });
});
