import { concat, utf8, Writer } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelError } from "../error.ts";
import { MAX_CONTENT } from "./chunk.ts";
import {
  encodeRefusal,
  encodeRequestHead,
  encodeResponseHead,
  KIND,
  kindOf,
  parseRequestHead,
  parseResponseHead,
  type HeaderFields,
} from "./head.ts";

const request = (headers: HeaderFields, method = "POST"): Uint8Array =>
  encodeRequestHead({ method, headers });

/** Fields as a peer could write them that checks nothing. */
function rawFields(...fields: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  const writer = new Writer().u8(fields.length);
  for (const [name, value] of fields) writer.vec8(name).vec16(value);
  return writer.finish();
}

const rawRequest = (fields: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(KIND.message), new Writer().vec8(utf8("POST")).finish(), fields);

const field = (): fc.Arbitrary<readonly [string, string]> =>
  fc.tuple(
    fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,30}$/),
    fc.stringMatching(/^[\t\u0020-\u007e\u0080-\u00ff]{0,60}$/),
  );

describe("the head of a sealed request (spec §5.6) [W42]", () => {
  it("keeps method, fields and body apart, in order, and encodes one way", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("POST", "GET", "DELETE"),
        fc.array(field(), { maxLength: 64 }),
        fc.uint8Array({ maxLength: 100 }),
        (method, headers, body) => {
          const wire = concat(request(headers, method), body);
          const parsed = parseRequestHead(wire);
          expect(parsed.head).toEqual({ method, headers });
          expect(Buffer.from(parsed.body).equals(body)).toBe(true);
          expect(Buffer.from(concat(encodeRequestHead(parsed.head), parsed.body)).equals(wire)).toBe(true);
        },
      ),
    );
  });

  it.each(["PUT", "post", "CONNECT", "", "POST ", "POST /x HTTP/1.1"])(
    "refuses the method %j",
    async (method) => {
      expect(await refusalOf(() => parseRequestHead(request([], method)))).toBe("ERR_HEAD");
    },
  );

  it.each([
    ["a line feed in a value", "x-a", "1\nx-b: 2"],
    ["a carriage return in a value", "x-a", "1\rx"],
    ["a zero byte in a value", "x-a", "1\0"],
    ["DEL in a value", "x-a", "1\u007f"],
    ["a character that a careless sender cuts down to a line feed (U+010A)", "x-a", "1\u010ax-b: 2"],
    ["a character above one byte", "x-a", "\u{1f600}"],
    ["a line separator", "x-a", "1\u2028"],
    ["an upper-case name", "X-A", "1"],
    ["an empty name", "", "1"],
    ["a colon in a name", "x:a", "1"],
    ["a pseudo field", ":status", "200"],
    ["a space in a name", "x a", "1"],
    ["a line feed in a name", "x\na", "1"],
    ["a name that is not ASCII", "xé", "1"],
  ])("refuses %s, from either end: no field can smuggle another", async (_what, name, value) => {
    expect(await refusalOf(() => request([[name, value]]))).toBe("ERR_HEAD");
    const wire = rawRequest(rawFields([utf8(name), utf8(value)]));
    expect(await refusalOf(() => parseRequestHead(wire))).toBe("ERR_HEAD");
  });

  it("refuses a value that is not UTF-8, a field too long, too many fields, and a count without fields", async () => {
    const bad = [
      rawFields([utf8("x-a"), Uint8Array.of(0xff)]),
      rawFields([utf8("x-a"), utf8("é").subarray(0, 1)]),
      rawFields([utf8("x-a"), new Uint8Array(16_385).fill(0x61)]),
      concat(Uint8Array.of(65), new Uint8Array(65 * 5)),
      Uint8Array.of(1),
      Uint8Array.of(),
    ];
    for (const fields of bad)
      expect(await refusalOf(() => parseRequestHead(rawRequest(fields)))).toBe("ERR_HEAD");
    const many = Array.from({ length: 65 }, () => ["x-a", "1"] as const);
    expect(await refusalOf(() => request(many))).toBe("ERR_HEAD");
  });

  it("a byte order mark in a value stays a value's bytes and is refused", async () => {
    const wire = rawRequest(rawFields([utf8("x-a"), utf8("\ufeff1")]));
    expect(await refusalOf(() => parseRequestHead(wire))).toBe("ERR_HEAD");
  });

  it("refuses other kinds and nothing at all", async () => {
    for (const kind of [0, KIND.rekey, KIND.close, KIND.refusal, 5, 255])
      expect(await refusalOf(() => parseRequestHead(Uint8Array.of(kind)))).toBe("ERR_HEAD");
    expect(await refusalOf(() => parseRequestHead(new Uint8Array(0)))).toBe("ERR_HEAD");
    expect(kindOf(new Uint8Array(0))).toBe(0);
  });

  it("refuses a head that is cut at any place", async () => {
    const wire = request([
      ["content-type", "application/json"],
      ["authorization", "Bearer x"],
    ]);
    for (let length = 0; length < wire.length; length += 1)
      expect(await refusalOf(() => parseRequestHead(wire.subarray(0, length)))).toBe("ERR_HEAD");
  });
});

describe("the head of a sealed response (spec §5.6) [W17, W25]", () => {
  it("keeps status, fields and body apart, and encodes one way", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        fc.array(field(), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 100 }),
        (status, headers, body) => {
          const wire = concat(encodeResponseHead({ status, headers }), body);
          const parsed = parseResponseHead(wire);
          if (parsed.kind !== "message") throw new Error(parsed.kind);
          expect(parsed.head).toEqual({ status, headers });
          expect(Buffer.from(concat(encodeResponseHead(parsed.head), parsed.body)).equals(wire)).toBe(true);
        },
      ),
    );
  });

  it.each([0, 99, 100, 101, 199, 600, 65_535])("refuses the status %i", async (status) => {
    expect(await refusalOf(() => parseResponseHead(encodeResponseHead({ status, headers: [] })))).toBe(
      "ERR_HEAD",
    );
  });

  it("refuses to encode a head that does not fit in chunk 0, or a value longer than can be read", async () => {
    const field = (size: number): [string, string] => ["x-a", "v".repeat(size)];
    const fields = (...sizes: number[]) => ({ status: 200, headers: sizes.map(field) });
    // u8 kind, u16 status, u8 count, and 6 bytes about each field.
    const fits = encodeResponseHead(fields(16_384, 16_384, 16_384, MAX_CONTENT - 3 * 16_384 - 4 - 4 * 6));
    expect(fits).toHaveLength(MAX_CONTENT);
    expect(parseResponseHead(fits)).toMatchObject({ kind: "message" });
    for (const head of [
      fields(16_384, 16_384, 16_384, MAX_CONTENT - 3 * 16_384 - 4 - 4 * 6 + 1),
      fields(16_385),
      { status: 200, headers: [["x-a", "\u00e9".repeat(8_193)]] as const },
    ])
      expect(await refusalOf(() => encodeResponseHead(head))).toBe("ERR_HEAD");
    expect(await refusalOf(() => encodeRequestHead({ method: "POST", headers: [field(16_385)] }))).toBe(
      "ERR_HEAD",
    );
  });

  it("tells a refusal from an answer, and takes no bytes after its code", async () => {
    expect(parseResponseHead(encodeRefusal(1))).toEqual({ kind: "refusal", code: 1 });
    for (const bytes of [[KIND.refusal], [KIND.refusal, 1, 0], [KIND.rekey], [KIND.close], []])
      expect(await refusalOf(() => parseResponseHead(Uint8Array.from(bytes)))).toBe("ERR_HEAD");
  });
});

describe("any bytes as a head [REQ-PARSERS, W29]", () => {
  it("give a value or ERR_HEAD, nothing else; a value encodes back to the same bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 60 }).map((tail) => concat(rawRequest(new Uint8Array(0)), tail)),
      fc.uint8Array({ maxLength: 60 }).map((tail) => concat(Uint8Array.of(KIND.message, 0, 200), tail)),
    );
    fc.assert(
      fc.property(bytes, (wire) => {
        for (const parse of [parseRequestHead, parseResponseHead]) {
          try {
            parse(wire);
          } catch (error) {
            expect(error).toBeInstanceOf(ChannelError);
            expect(error).toMatchObject({ code: "ERR_HEAD" });
            continue;
          }
          if (parse === parseRequestHead) {
            const { head, body } = parseRequestHead(wire);
            expect(Buffer.from(concat(encodeRequestHead(head), body)).equals(wire)).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
