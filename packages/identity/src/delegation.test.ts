import { generateKeyPairSync } from "node:crypto";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { describe, expect, test } from "vitest";
import { ed25519, refused } from "../test/support.ts";
import {
  checkDelegation,
  delegationMessage,
  encodeDelegation,
  parseDelegation,
  type Delegation,
} from "./delegation.ts";

const spki = Buffer.from(spkiOf(ed25519().publicKey));
const T0 = 1_800_000_000;
const good: Delegation = {
  role: "server",
  audience: "https://tools.example/mcp",
  spki,
  notBeforeSeconds: T0,
  notAfterSeconds: T0 + 43_200,
};

/** The layout, spelled out by hand. */
function raw(change: {
  version?: number;
  role?: number;
  audience?: Uint8Array;
  spki?: Uint8Array;
  from?: bigint;
  to?: bigint;
  tail?: Uint8Array;
}): Buffer {
  const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);
  const u64 = (n: bigint): Buffer => {
    const out = Buffer.alloc(8);
    out.writeBigUInt64BE(n);
    return out;
  };
  const audience = change.audience ?? Buffer.from(good.audience);
  const key = change.spki ?? spki;
  return Buffer.concat([
    Buffer.of(change.version ?? 1, change.role ?? 2),
    ...[u16(audience.length), audience, u16(key.length), key],
    ...[
      u64(change.from ?? BigInt(T0)),
      u64(change.to ?? BigInt(T0 + 43_200)),
      change.tail ?? Buffer.alloc(0),
    ],
  ]);
}

describe("the signed bytes are exactly these", () => {
  test("version ‖ role ‖ audience ‖ key ‖ not before ‖ not after", () => {
    expect(Buffer.from(encodeDelegation(good))).toEqual(raw({}));
    expect(Buffer.from(encodeDelegation({ ...good, role: "client" }))).toEqual(raw({ role: 1 }));
  });

  test("the signature covers 64 spaces, its own context and a zero byte first (RFC 8446 §4.4.3)", () => {
    const expected = Buffer.concat([Buffer.from(" ".repeat(64) + "trusted-mcp/1 delegation\0"), raw({})]);
    expect(Buffer.from(delegationMessage(encodeDelegation(good)))).toEqual(expected);
  });
});

describe("a malformed delegation is refused with a code", () => {
  test.each([
    ["version 0", raw({ version: 0 })],
    ["version 2", raw({ version: 2 })],
    ["role 0", raw({ role: 0 })],
    ["role 3", raw({ role: 3 })],
    ["no audience", raw({ audience: Buffer.alloc(0) })],
    ["an audience above 1024 bytes", raw({ audience: Buffer.alloc(1025, "a") })],
    ["an audience that is not UTF-8", raw({ audience: Buffer.of(0xc3, 0x28) })],
    ["an audience in overlong UTF-8", raw({ audience: Buffer.of(0xc0, 0xaf) })],
    ["an audience with a surrogate", raw({ audience: Buffer.of(0xed, 0xa0, 0x80) })],
    ["a time above 2^53", raw({ to: 2n ** 53n })],
    ["a byte behind the end", raw({ tail: Buffer.of(0) })],
  ])("%s", async (_what, bytes) => {
    await refused("ERR_DELEGATION_MALFORMED", () => parseDelegation(bytes));
  });

  test("every truncation", async () => {
    for (let length = 0; length < raw({}).length; length += 1) {
      await refused("ERR_DELEGATION_MALFORMED", () => parseDelegation(raw({}).subarray(0, length)));
    }
  });

  test("a byte order mark is part of the audience, not ignored", () => {
    const bytes = raw({ audience: Buffer.from(`\ufeff${good.audience}`) });
    expect(parseDelegation(bytes).audience).not.toBe(good.audience);
  });
});

describe("only Ed25519 keys are delegated to (RFC 8410 §4)", () => {
  test.each([
    ["RSA-3072", () => spkiOf(generateKeyPairSync("rsa", { modulusLength: 3072 }).publicKey)],
    ["P-256", () => spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey)],
    ["X25519", () => spkiOf(generateKeyPairSync("x25519").publicKey)],
    ["nothing", () => new Uint8Array(0)],
    ["a bare Ed25519 key", () => spki.subarray(12)],
    [
      "an Ed25519 key with NULL parameters",
      () => Buffer.concat([Buffer.from("302c300706032b65700500", "hex"), spki.subarray(9)]),
    ],
  ])("%s is refused on both ends", async (_what, make) => {
    const other = make();
    await refused("ERR_DELEGATION_KEY", () => encodeDelegation({ ...good, spki: other }));
    await refused("ERR_DELEGATION_KEY", () => parseDelegation(raw({ spki: other })));
  });
});

describe("a delegation lasts at most 24 hours", () => {
  test("24 hours are accepted [REQ-DELEGATION]", () => {
    expect(parseDelegation(raw({ to: BigInt(T0 + 86_400) })).notAfterSeconds).toBe(T0 + 86_400);
  });

  test.each([
    ["24 hours and a second", T0, T0 + 86_401],
    ["for ever", T0, 8_640_000_000_000],
    ["no time", T0, T0],
    ["a negative time", T0, T0 - 1],
    ["beyond the end of dates", 8_640_000_000_000, 8_640_000_000_001],
  ])("%s is refused on both ends", async (_what, from, to) => {
    await refused("ERR_DELEGATION_LIFETIME", () =>
      encodeDelegation({ ...good, notBeforeSeconds: from, notAfterSeconds: to }),
    );
    await refused("ERR_DELEGATION_LIFETIME", () =>
      parseDelegation(raw({ from: BigInt(from), to: BigInt(to) })),
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5, -1])("%d is no time", async (from) => {
    await refused("ERR_DELEGATION_LIFETIME", () => encodeDelegation({ ...good, notBeforeSeconds: from }));
  });
});

describe("a delegation is good for its role, audience and time only", () => {
  const parsed = parseDelegation(raw({}));
  const at = (seconds: number): number => seconds * 1000;
  const here = { role: "server", audience: good.audience, now: at(T0) } as const;
  const end = T0 + 43_200;

  test("for them it is", () => {
    checkDelegation(parsed, here);
  });

  test("clocks may differ by 300 seconds and not by a millisecond more", async () => {
    checkDelegation(parsed, { ...here, now: at(T0 - 300) });
    checkDelegation(parsed, { ...here, now: at(end + 300) });
    await refused("ERR_DELEGATION_NOT_YET_VALID", () =>
      checkDelegation(parsed, { ...here, now: at(T0 - 300) - 1 }),
    );
    await refused("ERR_DELEGATION_EXPIRED", () =>
      checkDelegation(parsed, { ...here, now: at(end + 300) + 1 }),
    );
  });

  test("a client's delegation does not make a server, nor the other way round (reflection)", async () => {
    await refused("ERR_DELEGATION_ROLE", () => checkDelegation(parsed, { ...here, role: "client" }));
    const client = parseDelegation(raw({ role: 1 }));
    await refused("ERR_DELEGATION_ROLE", () => checkDelegation(client, here));
  });

  test.each(["https://tools.example/mcp/", "https://tools.example", "HTTPS://tools.example/mcp", ""])(
    "audience %j is another one",
    async (audience) => {
      await refused("ERR_DELEGATION_AUDIENCE", () => checkDelegation(parsed, { ...here, audience }));
    },
  );

  test("a clock that gives no number refuses", async () => {
    await refused("ERR_DELEGATION_NOT_YET_VALID", () =>
      checkDelegation(parsed, { ...here, now: Number.NaN }),
    );
  });
});

test.each([
  ["empty", ""],
  ["above 1024 bytes of UTF-8", "ä".repeat(513)],
  ["a lone surrogate", "https://\ud800/"],
])("an audience that is %s cannot be delegated for", async (_what, audience) => {
  await refused("ERR_AUDIENCE", () => encodeDelegation({ ...good, audience }));
});
