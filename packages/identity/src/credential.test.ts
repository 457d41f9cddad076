import { spkiOf } from "@trusted-mcp/primitives/signature";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ed25519, ed25519FromSeed, refused } from "../test/support.ts";
import { encodeDelegatedKey, encodeRawKey, MAX_CREDENTIAL_BYTES, parseCredential } from "./credential.ts";
import { delegationMessage, encodeDelegation, type Delegation } from "./delegation.ts";
import { IdentityError } from "./error.ts";
import { keySigner } from "./signer/key.ts";

const identitySpki = Buffer.from(spkiOf(ed25519().publicKey));
const delegation: Delegation = {
  role: "server",
  audience: "https://tools.example/mcp",
  spki: spkiOf(ed25519().publicKey),
  notBeforeSeconds: 1_800_000_000,
  notAfterSeconds: 1_800_043_200,
};
const delegationBytes = encodeDelegation(delegation);
const signature = new Uint8Array(64).fill(7);
const delegatedBytes = encodeDelegatedKey({ identitySpki, delegationBytes, signature });

const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);

describe("the wire format is exactly this", () => {
  test("type 1: u8 1 ‖ vec16 SPKI", () => {
    const bytes = encodeRawKey(identitySpki);
    expect(Buffer.from(bytes)).toEqual(Buffer.concat([Buffer.of(1), u16(44), identitySpki]));
    expect(parseCredential(bytes)).toEqual({ type: 1, identitySpki: new Uint8Array(identitySpki) });
  });

  test("type 2: u8 2 ‖ vec16 identity SPKI ‖ vec16 delegation ‖ vec16 signature", () => {
    const expected = Buffer.concat([
      ...[Buffer.of(2), u16(44), identitySpki],
      ...[u16(delegationBytes.length), delegationBytes, u16(64), signature],
    ]);
    expect(Buffer.from(delegatedBytes)).toEqual(expected);
    expect(parseCredential(delegatedBytes)).toEqual({
      type: 2,
      identitySpki: new Uint8Array(identitySpki),
      delegation: { ...delegation, spki: new Uint8Array(delegation.spki) },
      delegationBytes,
      signature,
    });
  });

  test("a delegated credential of fixed Ed25519 keys has fixed bytes", async () => {
    const identity = keySigner(ed25519FromSeed(1));
    const tbs = encodeDelegation({ ...delegation, spki: spkiOf(ed25519FromSeed(2)) });
    const bytes = encodeDelegatedKey({
      identitySpki: identity.spki,
      delegationBytes: tbs,
      signature: await identity.sign(delegationMessage(tbs)),
    });
    expect(Buffer.from(bytes).toString("hex")).toMatchInlineSnapshot(
      `"02002c302a300506032b65700321008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c005b0102001968747470733a2f2f746f6f6c732e6578616d706c652f6d6370002c302a300506032b65700321008139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394000000006b49d200000000006b4a7ac00040e670608b67f3ebcae8822322582f2f20c7eb787d15c601a5f19074d31d834623100693db29ee7c8cea184d68dc40a30e18b792b89a295f32f880672ea6b9730d"`,
    );
  });
});

describe("what is not a credential is refused with a code", () => {
  const long = new Uint8Array(2049);
  const field = (bytes: Uint8Array): Uint8Array => Buffer.concat([u16(bytes.length), bytes]);
  const delegatedWith = (...fields: Uint8Array[]): Uint8Array =>
    Buffer.concat([Buffer.of(2), ...fields.map(field)]);
  const none = new Uint8Array(0);

  test.each([
    ["nothing", none],
    ["only a type", Buffer.of(1)],
    ["an empty key", Buffer.of(1, 0, 0)],
    ["a key above 2048 bytes", Buffer.concat([Buffer.of(1), field(long)])],
    ["an empty identity key", delegatedWith(none, delegationBytes, signature)],
    ["an empty delegation", delegatedWith(identitySpki, none, signature)],
    ["an empty signature", delegatedWith(identitySpki, delegationBytes, none)],
    ["a signature above 1024 bytes", delegatedWith(identitySpki, delegationBytes, new Uint8Array(1025))],
    ["a delegation above its limit", delegatedWith(identitySpki, new Uint8Array(1091), signature)],
    ["no signature", delegatedWith(identitySpki, delegationBytes)],
    ["more bytes than any credential", new Uint8Array(MAX_CREDENTIAL_BYTES + 1).fill(1)],
  ])("%s", async (_what, bytes) => {
    await refused("ERR_CREDENTIAL_MALFORMED", () => parseCredential(bytes));
  });

  test.each([0, 3, 4, 127, 255])("unknown type %i", async (type) => {
    await refused("ERR_CREDENTIAL_TYPE", () =>
      parseCredential(Buffer.concat([Buffer.of(type), field(identitySpki)])),
    );
  });

  test.each([
    ["type 1", encodeRawKey(identitySpki)],
    ["type 2", delegatedBytes],
  ])("every truncation, and every byte behind the end: %s", async (_what, bytes) => {
    for (let length = 0; length < bytes.length; length += 1) {
      await refused("ERR_CREDENTIAL_MALFORMED", () => parseCredential(bytes.subarray(0, length)));
    }
    await refused("ERR_CREDENTIAL_MALFORMED", () => parseCredential(Buffer.concat([bytes, Buffer.of(0)])));
  });
});

test("a parsed credential is frozen, and does not change with the buffer it was read from", () => {
  const buffer = Buffer.from(delegatedBytes);
  const parsed = parseCredential(buffer);
  buffer.fill(0);
  expect(Object.isFrozen(parsed)).toBe(true);
  if (parsed.type !== 2) throw new Error("unreachable");
  expect(Object.isFrozen(parsed.delegation)).toBe(true);
  expect(Buffer.from(parsed.delegationBytes)).toEqual(Buffer.from(delegationBytes));
  expect(Buffer.from(parsed.delegation.spki)).toEqual(Buffer.from(delegation.spki));
});

describe("for every input", () => {
  const wellFormed = fc.record({
    identitySpki: fc.uint8Array({ minLength: 1, maxLength: 2048 }),
    signature: fc.uint8Array({ minLength: 1, maxLength: 1024 }),
    audience: fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
    role: fc.constantFrom("client" as const, "server" as const),
    from: fc.integer({ min: 0, max: 4_000_000_000 }),
    seconds: fc.integer({ min: 1, max: 86_400 }),
  });

  test("what is encoded is parsed to the same, and encodes to the same bytes again", () => {
    fc.assert(
      fc.property(wellFormed, (c) => {
        const inner = { role: c.role, audience: c.audience, spki: delegation.spki };
        const tbs = encodeDelegation({
          ...inner,
          notBeforeSeconds: c.from,
          notAfterSeconds: c.from + c.seconds,
        });
        const bytes = encodeDelegatedKey({ ...c, delegationBytes: tbs });
        const parsed = parseCredential(bytes);
        if (parsed.type !== 2) throw new Error("type");
        expect(parsed.delegation.audience).toBe(c.audience);
        expect(parsed.delegation.notAfterSeconds - parsed.delegation.notBeforeSeconds).toBe(c.seconds);
        expect(encodeDelegation(parsed.delegation)).toEqual(tbs);
        expect(encodeDelegatedKey(parsed)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  /** One encoding per value: whatever the parser accepts, it would have written in the same way. */
  function check(bytes: Uint8Array): void {
    let parsed;
    try {
      parsed = parseCredential(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(IdentityError);
      return;
    }
    const again = parsed.type === 1 ? encodeRawKey(parsed.identitySpki) : encodeDelegatedKey(parsed);
    expect(Buffer.from(again)).toEqual(Buffer.from(bytes));
    if (parsed.type === 2) {
      expect(encodeDelegation(parsed.delegation)).toEqual(new Uint8Array(parsed.delegationBytes));
    }
  }

  test("random bytes are refused with a code or have that one encoding", () => {
    const typed = fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          typed.map(([t, rest]) => Uint8Array.of(t, ...rest)),
        ),
        check,
      ),
      { numRuns: 2000 },
    );
  });

  test("so are mutations of a good credential", () => {
    const mutation = fc.array(fc.tuple(fc.nat(delegatedBytes.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = Uint8Array.from(delegatedBytes);
        for (const [at, value] of changes) bytes[at] = value;
        check(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
