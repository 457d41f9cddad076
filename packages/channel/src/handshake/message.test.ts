import { concat, random, utf8, Writer } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f1Fields, type F1Fields } from "../../test/rogue-client.ts";
import { ChannelError } from "../error.ts";
import { MAX_AUTHENTICATION_BYTES, MAX_EVIDENCE_BYTES, MODE_RESUMPTION, MODE_SIGNATURE } from "../suite.ts";
import * as message from "./message.ts";

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const codes = (max: number): fc.Arbitrary<number[]> => fc.array(fc.nat(max), { maxLength: 16 });

const evidenceRequest = fc.record({
  types: fc.array(fc.stringMatching(/^[!-~]{1,64}$/), { minLength: 1, maxLength: 16 }),
  context: fc.uint8Array({ minLength: 16, maxLength: 64 }),
});

const f1: fc.Arbitrary<F1Fields> = fc
  .record({
    versions: codes(0xffff),
    suites: codes(0xffff),
    framings: codes(0xff),
    mode: fc.constantFrom(MODE_SIGNATURE, MODE_RESUMPTION),
    audience: fc.string({ unit: "grapheme", maxLength: 60 }),
    nonce: bytes(32),
    kemPublicKey: bytes(1216),
    credentialTypes: codes(0xff),
    evidenceRequest: fc.option(evidenceRequest),
    ticketId: bytes(16),
  })
  .map((fields) => ({ ...fields, ticketId: fields.mode === MODE_RESUMPTION ? fields.ticketId : null }));

/** Encodes what was parsed, as a second sender would. */
function reencode(parsed: message.F1): Uint8Array {
  return message.encodeF1(message.encodeF1Core(parsed), parsed.binder, parsed.retryToken);
}

const encoded = (fields: F1Fields, token: Uint8Array | null = null): Uint8Array =>
  message.encodeF1(message.encodeF1Core(fields), fields.ticketId && random(48), token);

describe("F1 (spec §3.1)", () => {
  it("says what was put in, and has one encoding [REQ-MALLEABLE]", () => {
    fc.assert(
      fc.property(f1, fc.option(fc.uint8Array({ maxLength: 64 })), (fields, token) => {
        const wire = encoded(fields, token);
        const parsed = message.parseF1(wire);
        expect(same(reencode(parsed), wire)).toBe(true);
        expect(parsed).toMatchObject({
          versions: fields.versions,
          suites: fields.suites,
          framings: fields.framings,
          mode: fields.mode,
          audience: fields.audience,
          credentialTypes: fields.credentialTypes,
        });
        expect(same(concat(parsed.core), message.encodeF1Core(fields))).toBe(true);
        expect(parsed.untokened.length).toBe(parsed.core.length + (fields.ticketId === null ? 0 : 48));
      }),
      { numRuns: 60 },
    );
  });

  it("with any byte changed parses to what encodes back to the changed bytes, or is refused [REQ-MALLEABLE]", () => {
    fc.assert(
      fc.property(f1, fc.nat(), fc.integer({ min: 1, max: 255 }), (fields, at, mask) => {
        const wire = encoded(fields);
        wire[at % wire.length]! ^= mask;
        let parsed: message.F1;
        try {
          parsed = message.parseF1(wire);
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelError);
          return;
        }
        expect(same(reencode(parsed), wire)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  const fields = f1Fields();
  const core = message.encodeF1Core(fields);
  const resumption = f1Fields({ mode: MODE_RESUMPTION, ticketId: random(16) });
  it.each<[string, Uint8Array]>([
    ["an unknown token tag", concat(core, Uint8Array.of(2))],
    ["a token of 65 bytes", concat(core, Uint8Array.of(1, 65), random(65))],
    ["no token tag", core],
    ["a binder where nothing is resumed", concat(core, random(48), Uint8Array.of(0))],
    ["no binder where something is", concat(message.encodeF1Core(resumption), Uint8Array.of(0))],
    [
      "17 versions",
      message.encodeF1(
        message.encodeF1Core({ ...fields, versions: Array.from({ length: 17 }, () => 1) }),
        null,
        null,
      ),
    ],
    [
      "17 framings",
      message.encodeF1(
        message.encodeF1Core({ ...fields, framings: Array.from({ length: 17 }, () => 1) }),
        null,
        null,
      ),
    ],
    ["an audience of 1025 bytes", encoded({ ...fields, audience: "a".repeat(1025) })],
    ["evidence of no type", encoded({ ...fields, evidenceRequest: { types: [], context: random(32) } })],
    [
      "17 evidence types",
      encoded({
        ...fields,
        evidenceRequest: { types: Array.from({ length: 17 }, () => "a"), context: random(32) },
      }),
    ],
    [
      "an evidence type without name",
      encoded({ ...fields, evidenceRequest: { types: [""], context: random(32) } }),
    ],
    [
      "an evidence type that is not ASCII",
      encoded({ ...fields, evidenceRequest: { types: ["é"], context: random(32) } }),
    ],
    [
      "an evidence type with a space",
      encoded({ ...fields, evidenceRequest: { types: ["a b"], context: random(32) } }),
    ],
    ["15 bytes of context", encoded({ ...fields, evidenceRequest: { types: ["a"], context: random(15) } })],
    ["65 bytes of context", encoded({ ...fields, evidenceRequest: { types: ["a"], context: random(65) } })],
  ])("with %s is refused", async (_what, wire) => {
    expect(await refusalOf(() => message.parseF1(wire))).toBe("ERR_MALFORMED");
  });

  it("with an unknown mode is refused under a code of its own", async () => {
    for (const mode of [0, 3, 255])
      expect(await refusalOf(() => message.parseF1(encoded({ ...fields, mode, ticketId: null })))).toBe(
        "ERR_MODE",
      );
  });

  it("with an audience that is not UTF-8 is refused", async () => {
    const wire = encoded({ ...fields, audience: "aé" });
    const at = Buffer.from(wire).indexOf(utf8("é"));
    wire[at] = 0xff;
    expect(await refusalOf(() => message.parseF1(wire))).toBe("ERR_MALFORMED");
  });
});

describe("S1 and R (spec §3.2, §3.3)", () => {
  it("say what was put in, and have one encoding", () => {
    const s1 = fc.record({
      version: fc.nat(0xffff),
      suite: fc.nat(0xffff),
      framing: fc.nat(0xff),
      nonce: bytes(32),
      kemCiphertext: bytes(1120),
      handshakeId: bytes(16),
    });
    fc.assert(
      fc.property(s1, fc.uint8Array({ maxLength: 300 }), (clear, sealed) => {
        const wire = message.encodeFlight(message.encodeS1Clear(clear), sealed);
        const parsed = message.parseS1(wire);
        expect(parsed).toMatchObject({ version: clear.version, suite: clear.suite, framing: clear.framing });
        expect(same(message.encodeFlight(message.encodeS1Clear(parsed), parsed.sealed), wire)).toBe(true);
        expect(same(parsed.clear, message.encodeS1Clear(clear))).toBe(true);
      }),
      { numRuns: 50 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (token) => {
        expect(same(message.parseR(message.encodeR(token)), token)).toBe(true);
      }),
    );
  });

  it("R takes no more than 64 bytes, and nothing after them", async () => {
    expect(await refusalOf(() => message.parseR(message.encodeR(random(65))))).toBe("ERR_MALFORMED");
    expect(await refusalOf(() => message.parseR(concat(message.encodeR(random(40)), Uint8Array.of(0))))).toBe(
      "ERR_MALFORMED",
    );
  });

  it("S1 and F2 carry no more than a credential, a signature and padding need [W30]", async () => {
    const large = new Uint8Array(MAX_AUTHENTICATION_BYTES + 1);
    const f2 = message.encodeFlight(message.encodeFlightClear(message.TYPE.F2, random(16)), large);
    expect(await refusalOf(() => message.parseFlight(message.TYPE.F2, f2))).toBe("ERR_MALFORMED");
    const clear = message.encodeS1Clear({
      version: 1,
      suite: 1,
      framing: 1,
      nonce: random(32),
      kemCiphertext: random(1120),
      handshakeId: random(16),
    });
    expect(await refusalOf(() => message.parseS1(message.encodeFlight(clear, large)))).toBe("ERR_MALFORMED");
  });
});

describe("the other flights (spec §3)", () => {
  const { F2, S2, F3, S3, ALERT } = message.TYPE;
  it.each([
    [F2, 16],
    [S2, 32],
    [F3, 16],
    [S3, 0],
    [ALERT, 0],
  ])("type %i has an id of %i bytes and one encoding", (type, size) => {
    fc.assert(
      fc.property(bytes(size), fc.uint8Array({ maxLength: 64 }), (id, sealed) => {
        const wire = message.encodeFlight(message.encodeFlightClear(type, id), sealed);
        const parsed = message.parseFlight(type, wire);
        expect(same(parsed.id, id) && same(parsed.sealed, sealed)).toBe(true);
        expect(
          same(message.encodeFlight(message.encodeFlightClear(type, parsed.id), parsed.sealed), wire),
        ).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("F3 and S2 carry evidence of up to 1 MiB; S3 and alerts carry next to nothing [W30]", async () => {
    const evidence = new Uint8Array(MAX_EVIDENCE_BYTES + 1024);
    for (const [type, id] of [
      [F3, 16],
      [S2, 32],
    ] as const) {
      const wire = message.encodeFlight(message.encodeFlightClear(type, random(id)), evidence);
      expect(message.parseFlight(type, wire).sealed).toHaveLength(evidence.length);
    }
    for (const type of [S3, ALERT]) {
      const wire = message.encodeFlight(message.encodeFlightClear(type, new Uint8Array(0)), random(65));
      expect(await refusalOf(() => message.parseFlight(type, wire))).toBe("ERR_MALFORMED");
    }
  });
});

describe("any bytes as a handshake message [REQ-PARSERS, W29]", () => {
  const parsers: readonly [string, (wire: Uint8Array) => unknown][] = [
    ["F1", message.parseF1],
    ["R", message.parseR],
    ["S1", message.parseS1],
    ...[4, 5, 6, 7, 8].map((type): [string, (wire: Uint8Array) => unknown] => [
      `type ${type}`,
      (wire) => message.parseFlight(type, wire),
    ]),
  ];
  it.each(parsers)("%s gives a value or a ChannelError, nothing else", (_name, parse) => {
    const wire = fc.oneof(
      fc.uint8Array({ maxLength: 1500 }),
      fc
        .tuple(fc.integer({ min: 1, max: 8 }), fc.uint8Array({ maxLength: 200 }))
        .map(([type, tail]) => concat(Uint8Array.of(type), tail)),
    );
    fc.assert(
      fc.property(wire, (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelError);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("a length that lies allocates nothing: 16 MiB are claimed, 10 bytes are there [W30]", async () => {
    const wire = new Writer().u8(8).u24(0xff_ffff).raw(random(10)).finish();
    expect(await refusalOf(() => message.parseFlight(8, wire))).toBe("ERR_MALFORMED");
  });
});
