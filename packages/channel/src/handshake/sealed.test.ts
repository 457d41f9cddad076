import { concat, random } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelError } from "../error.ts";
import * as sealed from "./sealed.ts";

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

const evidence = fc.record({
  type: fc.stringMatching(/^[!-~]{1,64}$/),
  bytes: fc.uint8Array({ maxLength: 600 }),
});

const params: fc.Arbitrary<sealed.ServerParams> = fc.record({
  versions: fc.array(fc.nat(0xffff), { maxLength: 20 }),
  suites: fc.array(fc.nat(0xffff), { maxLength: 20 }),
  clientAuth: fc.constantFrom("required" as const, "optional" as const),
  credentialTypes: fc.array(fc.nat(0xff), { maxLength: 16 }),
  evidenceRequest: fc.option(
    fc.record({
      types: fc.array(fc.stringMatching(/^[!-~]{1,64}$/), { minLength: 1, maxLength: 16 }),
      context: fc.uint8Array({ minLength: 16, maxLength: 64 }),
    }),
  ),
});

const authentication: fc.Arbitrary<sealed.Authentication> = fc.oneof(
  fc.record({ credential: fc.constant(null), signature: fc.constant(null), finished: bytes(48) }),
  fc.record({
    credential: fc.uint8Array({ maxLength: 2500 }),
    signature: fc.uint8Array({ maxLength: 1024 }),
    finished: bytes(48),
  }),
);

const grant: fc.Arbitrary<sealed.Grant> = fc.record({
  sessionId: bytes(16),
  lifetimeSeconds: fc.nat(0xffff_ffff),
  idleSeconds: fc.nat(0xffff_ffff),
  maxMessageBytes: fc.nat(0xffff_ffff),
  ticketId: fc.option(bytes(16)),
  evidenceWanted: fc.boolean(),
  evidence: fc.option(evidence),
});

/** Both directions of each format: what goes in comes out, and what comes out is what went in. */
const formats = [
  {
    name: "the server's parameters (spec §3.3)",
    values: params,
    encode: sealed.encodeParams,
    parse: sealed.parseParams,
  },
  {
    name: "S1's sealed part (spec §3.3)",
    values: fc.tuple(fc.uint8Array({ maxLength: 500 }), authentication),
    encode: ([own, auth]: [Uint8Array, sealed.Authentication]) => sealed.encodeServerSealed(own, auth),
    parse: (wire: Uint8Array): [Uint8Array, sealed.Authentication] => {
      const parsed = sealed.parseServerSealed(wire);
      return [parsed.params, parsed.auth];
    },
  },
  {
    name: "F2's sealed part (spec §3.5)",
    values: authentication,
    encode: sealed.encodeClientSealed,
    parse: sealed.parseClientSealed,
  },
  {
    name: "S2's sealed part (spec §3.6)",
    values: grant,
    encode: sealed.encodeGrant,
    parse: sealed.parseGrant,
  },
  {
    name: "F3's sealed part (spec §3.8)",
    values: fc.option(evidence),
    encode: sealed.encodeEvidenceSealed,
    parse: sealed.parseEvidenceSealed,
  },
  {
    name: "S3's sealed part (spec §3.8)",
    values: fc.nat(0xffff_ffff),
    encode: sealed.encodeAcceptance,
    parse: sealed.parseAcceptance,
  },
] as unknown as readonly Format[];

interface Format {
  readonly name: string;
  readonly values: fc.Arbitrary<unknown>;
  readonly encode: (value: unknown) => Uint8Array;
  readonly parse: (wire: Uint8Array) => unknown;
}

describe.each(formats)("$name", ({ values, encode, parse }) => {
  it("gives back what was put in", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(parse(encode(value))).toEqual(value);
      }),
      { numRuns: 80 },
    );
  });

  it("with any byte changed is another value with that encoding, or refused [REQ-MALLEABLE, REQ-PARSERS]", () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, mask) => {
        const wire = encode(value);
        wire[at % wire.length]! ^= mask;
        let parsed: unknown;
        try {
          parsed = parse(wire);
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelError);
          expect(error).toMatchObject({ code: "ERR_MALFORMED" });
          return;
        }
        expect(same(encode(parsed), wire)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("cut or extended is refused", async () => {
    const [value] = fc.sample(values, { numRuns: 1, seed: 1 });
    const wire = encode(value);
    for (const length of [0, 1, 2, 3, wire.length >> 1, wire.length - 1])
      expect(await refusalOf(() => parse(wire.subarray(0, length)))).toBe("ERR_MALFORMED");
    for (const extra of [1, 256, 2048])
      expect(await refusalOf(() => parse(concat(wire, new Uint8Array(extra))))).toBe("ERR_MALFORMED");
  });

  it("any bytes give a value or ERR_MALFORMED [REQ-PARSERS]", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (wire) => {
        try {
          parse(wire);
        } catch (error) {
          expect(error).toMatchObject({ code: "ERR_MALFORMED" });
        }
      }),
    );
  });
});

describe("handshake padding (spec §3) [REQ-PADDING]", () => {
  it("S1 and F2 fill whole blocks of 2048 bytes, S2 and F3 of 256", () => {
    const auth = { credential: random(47), signature: random(64), finished: random(48) };
    expect(sealed.encodeServerSealed(random(20), auth)).toHaveLength(2048);
    expect(sealed.encodeClientSealed(auth)).toHaveLength(2048);
    expect(
      sealed.encodeClientSealed({ ...auth, credential: random(1600), signature: random(512) }),
    ).toHaveLength(4096);
    expect(sealed.encodeEvidenceSealed(null)).toHaveLength(256);
    expect(sealed.encodeEvidenceSealed({ type: "a", bytes: random(300) })).toHaveLength(512);
  });

  it("must be zero, and no longer than it has to be", async () => {
    const wire = sealed.encodeEvidenceSealed(null);
    for (const at of [4, 100, 255]) {
      const changed = Uint8Array.from(wire);
      changed[at] = 1;
      expect(await refusalOf(() => sealed.parseEvidenceSealed(changed))).toBe("ERR_MALFORMED");
    }
    const longer = concat(wire, new Uint8Array(256));
    expect(await refusalOf(() => sealed.parseEvidenceSealed(longer))).toBe("ERR_MALFORMED");
  });
});

describe("what the types cannot say (spec §3.3, §3.8)", () => {
  it("a credential comes with its signature, or neither comes", async () => {
    const finished = random(48);
    for (const half of [
      { credential: random(10), signature: null, finished },
      { credential: null, signature: random(64), finished },
    ])
      expect(await refusalOf(() => sealed.parseClientSealed(sealed.encodeClientSealed(half)))).toBe(
        "ERR_MALFORMED",
      );
  });

  it("credentials, signatures and evidence are bounded [W30]", async () => {
    const finished = random(48);
    const large = [
      { credential: new Uint8Array(16_385), signature: random(64), finished },
      { credential: random(10), signature: new Uint8Array(1025), finished },
    ];
    for (const auth of large)
      expect(await refusalOf(() => sealed.parseClientSealed(sealed.encodeClientSealed(auth)))).toBe(
        "ERR_MALFORMED",
      );
    const evidence = { type: "a", bytes: new Uint8Array(1_048_577) };
    expect(await refusalOf(() => sealed.parseEvidenceSealed(sealed.encodeEvidenceSealed(evidence)))).toBe(
      "ERR_MALFORMED",
    );
  });

  it("an evidence type is a name of visible ASCII", async () => {
    for (const type of ["", "a b", "é", "a\n", "\u007f"]) {
      const wire = sealed.encodeEvidenceSealed({ type, bytes: random(4) });
      expect(await refusalOf(() => sealed.parseEvidenceSealed(wire))).toBe("ERR_MALFORMED");
    }
  });

  it("evidence enters the transcript with its type and its length; none is absent", () => {
    expect(sealed.evidenceItem(null)).toBeNull();
    expect(Buffer.from(sealed.evidenceItem({ type: "ab", bytes: Uint8Array.of(7) })!).toString("hex")).toBe(
      "02616200000107",
    );
  });
});
