import { generateKeyPairSync } from "node:crypto";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { describe, expect, test, vi } from "vitest";
import { ed25519, refused, testClock, type TestClock } from "../test/support.ts";
import { parseCredential } from "./credential.ts";
import { delegatedIdentity, type DelegationOptions } from "./delegated-identity.ts";
import { directIdentity } from "./direct-identity.ts";
import { identityFrom } from "./identity.ts";
import { keySigner } from "./signer/key.ts";
import type { Signer } from "./signer/port.ts";
import { pinnedServer } from "./trust-store.ts";

const HOUR = 3_600_000;
const audience = "https://tools.example/mcp";
const inner = keySigner(ed25519().privateKey);

/** A signer like one behind a network: it counts, and it can fail, hang, lie or wait. */
interface RemoteSigner extends Signer {
  calls: number;
  mode: "works" | "fails" | "hangs" | "lies";
  gate?: Promise<void>;
}

function remote(): RemoteSigner {
  const signer: RemoteSigner = {
    algorithm: inner.algorithm,
    spki: inner.spki,
    calls: 0,
    mode: "works",
    sign: async (message) => {
      signer.calls += 1;
      await signer.gate;
      if (signer.mode === "fails") throw new Error("the key service is away");
      if (signer.mode === "hangs") return new Promise(() => {});
      return signer.mode === "lies" ? new Uint8Array(64) : inner.sign(message);
    },
  };
  return signer;
}

function setUp(options: DelegationOptions = {}): {
  signer: RemoteSigner;
  clock: TestClock;
  source: ReturnType<typeof delegatedIdentity>;
} {
  const [signer, clock] = [remote(), testClock()];
  return { signer, clock, source: delegatedIdentity(signer, { clock, ...options }) };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a delegation is made once and used until it is renewed", () => {
  test("many handshakes, one signature of the identity key", async () => {
    const { signer, source } = setUp();
    const first = await source.current("server", audience);
    for (let i = 0; i < 10; i += 1) expect(await source.current("server", audience)).toBe(first);
    expect(signer.calls).toBe(1);
    expect(source.types).toEqual([2]);
  });

  test("handshakes that come at once share one signature (single flight)", async () => {
    const { signer, source } = setUp();
    const all = await Promise.all(Array.from({ length: 20 }, async () => source.current("server", audience)));
    expect(new Set(all).size).toBe(1);
    expect(signer.calls).toBe(1);
  });

  test("12 hours when nothing else is asked for, from this second on", async () => {
    const { clock, source } = setUp();
    const credential = await source.current("client", audience);
    const parsed = parseCredential(credential.bytes);
    if (parsed.type !== 2) throw new Error("unreachable");
    expect(parsed.delegation).toMatchObject({
      role: "client",
      audience,
      notBeforeSeconds: clock.now() / 1000,
    });
    expect(credential.notAfter).toBe(clock.now() + 12 * HOUR);
    expect(parsed.delegation.notAfterSeconds * 1000).toBe(credential.notAfter);
  });

  test("each role and audience has a key of its own", async () => {
    const { source } = setUp();
    const all = [
      await source.current("server", audience),
      await source.current("client", audience),
      await source.current("server", "https://other.example/"),
    ];
    expect(new Set(all.map(({ spki }) => Buffer.from(spki).toString("hex"))).size).toBe(3);
  });

  test("an audience cannot be written so that it meets another role's key", async () => {
    const { source, signer } = setUp();
    await source.current("server", "x");
    await source.current("client", "server x");
    await source.current("server", "client x");
    expect(signer.calls).toBe(3);
  });
});

describe("renewal", () => {
  test("starts at half of the life, in the background, with a new key", async () => {
    const { signer, clock, source } = setUp();
    const first = await source.current("server", audience);
    clock.advance(6 * HOUR - 1);
    await source.current("server", audience);
    expect(signer.calls).toBe(1);
    clock.advance(1);
    expect(await source.current("server", audience)).toBe(first);
    await settle();
    const second = await source.current("server", audience);
    expect(signer.calls).toBe(2);
    expect(Buffer.from(second.spki)).not.toEqual(Buffer.from(first.spki));
    expect(second.notAfter).toBe(clock.now() + 12 * HOUR);
  });

  test("no handshake waits for it while the old delegation is good", async () => {
    const { signer, clock, source } = setUp();
    const first = await source.current("server", audience);
    clock.advance(7 * HOUR);
    let open = (): void => {};
    signer.gate = new Promise((resolve) => (open = resolve));
    for (let i = 0; i < 5; i += 1) expect(await source.current("server", audience)).toBe(first);
    open();
    await settle();
    expect(await source.current("server", audience)).not.toBe(first);
    expect(signer.calls).toBe(2);
  });

  test("when it fails, the old delegation serves on; the signer is not pestered; somebody is told", async () => {
    const onRenewalError = vi.fn<(error: Error) => void>();
    const { signer, clock, source } = setUp({ onRenewalError });
    const first = await source.current("server", audience);
    clock.advance(7 * HOUR);
    signer.mode = "fails";
    for (let i = 0; i < 10; i += 1) {
      expect(await source.current("server", audience)).toBe(first);
      await settle();
    }
    expect(signer.calls).toBe(2);
    expect(onRenewalError).toHaveBeenCalledTimes(1);
    expect(onRenewalError.mock.calls[0]?.[0]).toMatchObject({
      code: "ERR_DELEGATION_RENEWAL",
      action: "retry",
    });
    clock.advance(30_000);
    signer.mode = "works";
    await source.current("server", audience);
    await settle();
    expect(await source.current("server", audience)).not.toBe(first);
  });

  test("an expired delegation is never used, even if the signer is away for good", async () => {
    const { signer, clock, source } = setUp();
    await source.current("server", audience);
    signer.mode = "fails";
    clock.advance(12 * HOUR);
    await refused("ERR_DELEGATION_RENEWAL", () => source.current("server", audience));
    const calls = signer.calls;
    await refused("ERR_DELEGATION_RENEWAL", () => source.current("server", audience));
    expect(signer.calls).toBe(calls);
    clock.advance(1_000);
    signer.mode = "works";
    expect((await source.current("server", audience)).notAfter).toBeGreaterThan(clock.now());
  });

  test("after a clock was set back, a delegation from the future is replaced", async () => {
    const { clock, source } = setUp();
    const first = await source.current("server", audience);
    clock.setBack(HOUR);
    const second = await source.current("server", audience);
    expect(second).not.toBe(first);
    const verifier = pinnedServer(inner.spki);
    await verifier.verify(second.bytes, { role: "server", audience, now: clock.now() });
  });

  test("a signer that never answers fails after its time, and does not block the next try", async () => {
    const { signer, clock, source } = setUp({ signTimeoutMs: 20 });
    signer.mode = "hangs";
    await refused("ERR_SIGNER_TIMEOUT", () => source.current("server", audience));
    signer.mode = "works";
    clock.advance(1_000);
    expect((await source.current("server", audience)).type).toBe(2);
  });

  test("a signature that does not fit the signer's key is never sent", async () => {
    const { signer, source } = setUp();
    signer.mode = "lies";
    await refused("ERR_SIGNER", () => source.current("server", audience));
  });
});

test("many audiences cannot fill memory: the least recently used go first", async () => {
  const { signer, source } = setUp();
  const kept = await source.current("server", "kept");
  for (let i = 0; i < 300; i += 1) {
    await source.current("server", `audience ${i}`);
    expect(await source.current("server", "kept")).toBe(kept);
  }
  expect(signer.calls).toBe(301);
  await source.current("server", "audience 299");
  expect(signer.calls).toBe(301);
  await source.current("server", "audience 0");
  expect(signer.calls).toBe(302);
});

describe("wrong settings are refused at once", () => {
  test.each([0, 59_999, 24 * HOUR + 1000, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "a lifetime of %d ms",
    async (lifetimeMs) => {
      await refused("ERR_DELEGATION_LIFETIME", () => delegatedIdentity(inner, { lifetimeMs }));
    },
  );

  test.each([60_000, 24 * HOUR])("a lifetime of %d ms is fine", async (lifetimeMs) => {
    const clock = testClock();
    const credential = await delegatedIdentity(inner, { lifetimeMs, clock }).current("client", audience);
    expect(credential.notAfter).toBe(clock.now() + lifetimeMs);
  });

  test.each(["", "x".repeat(1025), "\udc00"])(
    "an audience like %j, before the signer is asked",
    async (bad) => {
      const { signer, source } = setUp();
      await refused("ERR_AUDIENCE", () => source.current("client", bad));
      expect(signer.calls).toBe(0);
    },
  );

  test("a signer whose algorithm is not that of its key", async () => {
    const signer: Signer = { ...inner, algorithm: "rsa-pss-sha384" };
    await refused("ERR_SIGNER", () => delegatedIdentity(signer));
    await refused("ERR_SIGNER", () => directIdentity(signer));
    await refused("ERR_SIGNER", () => identityFrom(signer));
  });

  test("a signer whose key cannot be read, or is too weak", async () => {
    await refused("ERR_KEY_FILE_FORMAT", () => directIdentity({ ...inner, spki: new Uint8Array(44) }));
    const weak = spkiOf(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey);
    await refused("ERR_KEY_UNSUPPORTED", () => directIdentity({ ...inner, spki: weak }));
  });
});

test("a credential shows no private key in any property", async () => {
  const credential = await setUp().source.current("server", audience);
  expect(Object.keys(credential).toSorted()).toEqual(["bytes", "notAfter", "sign", "spki", "type"]);
  expect(Object.isFrozen(credential)).toBe(true);
});

describe("identityFrom picks by the cost of a signature", () => {
  test.each([
    ["ed25519", () => ed25519().privateKey, 1],
    ["P-256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, 1],
    ["RSA-3072", () => generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey, 2],
  ])("%s", async (_what, make, type) => {
    const source = identityFrom(keySigner(make()));
    expect(source.types).toEqual([type]);
    const credential = await source.current("client", audience);
    expect(credential.type).toBe(type);
    expect(credential.bytes[0]).toBe(type);
    if (type === 1) expect(credential.notAfter).toBeUndefined();
  });
});
