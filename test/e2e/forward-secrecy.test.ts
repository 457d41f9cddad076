import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import * as kem from "@trusted-mcp/primitives/kem";
import { attackProxy, flightOf, flightType, FLIGHT_TYPE, type Recorded } from "@trusted-mcp/testkit";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { callTool, fetchTo } from "./support/client.ts";
import { decrypt, guessesFrom, type Capture } from "./support/observer.ts";
import { startServer, type TestServer } from "./support/server.ts";

// Every ephemeral key pair comes from a seed that only the control below is given.
const seeds = vi.hoisted(() => [] as Uint8Array[]);
vi.mock(import("@trusted-mcp/primitives/kem"), async (original) => {
  const real = await original();
  return {
    ...real,
    generateKemKeyPair: () => {
      const seed = Uint8Array.from(randomBytes(32));
      seeds.push(seed);
      return real.kemKeyPairFromSeed(seed);
    },
  };
});

interface Stolen {
  readonly capture: Capture;
  readonly server: TestServer;
  readonly seed: Uint8Array;
}

/** A whole session of two calls as it went over the wire, and both long-term private keys. */
async function session(): Promise<Stolen> {
  const server = await startServer();
  const proxy = await attackProxy(server.url);
  const fetch = fetchTo(server, proxy.url);
  await callTool(fetch, proxy.url, "echo", { text: "FIRST-SECRET" });
  await callTool(fetch, proxy.url, "make", { bytes: 100_000 });
  const { seen } = proxy;
  const flightOfType = (type: number): Recorded => {
    const found = seen.find(({ request }) => flightType(request.body) === type);
    if (found === undefined) throw new Error("a flight is missing");
    return found;
  };
  const bytes = (body: Uint8Array | undefined): Buffer =>
    Buffer.from(flightOf(body ?? Buffer.alloc(0)) ?? []);
  const [first, second] = [flightOfType(FLIGHT_TYPE.F1), flightOfType(FLIGHT_TYPE.F2)];
  const records = seen
    .filter(({ request }) => flightType(request.body) === 0)
    .map(({ request, answers }) => ({
      request: Buffer.from(request.body),
      answer: Buffer.from(answers[0]?.body ?? []),
    }));
  await fetch.close();
  await proxy.close();
  await server.close();
  const capture = {
    f1: bytes(first.request.body),
    s1: bytes(first.answers[0]?.body),
    f2: bytes(second.request.body),
    s2: bytes(second.answers[0]?.body),
    records,
  };
  return { capture, server, seed: seeds.at(-1) ?? new Uint8Array(0) };
}

/** The places of the KEM's public parts in F1 and S1 (spec §3.2, §3.3). */
function publicParts({ f1, s1 }: Capture): { kemKey: Buffer; ciphertext: Buffer } {
  const audience = f1.indexOf("https://tools.example/mcp");
  const kemKey = f1.subarray(audience + 25 + 32, audience + 25 + 32 + 1216);
  return { kemKey, ciphertext: s1.subarray(38, 38 + 1120) };
}

/** An Ed25519 key read as the X25519 key that it could have been (RFC 8032 §5.1.5), and Diffie-Hellman with it. */
function asX25519(key: KeyObject, peer: Buffer): Buffer {
  const seed = key.export({ type: "pkcs8", format: "der" }).subarray(-32);
  const scalar = createHash("sha512").update(seed).digest().subarray(0, 32);
  const secret = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), scalar]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), peer]),
    format: "der",
    type: "spki",
  });
  return diffieHellman({ privateKey: secret, publicKey });
}

describe("a captured session and both long-term private keys [REQ-FORWARD-SECRECY, REQ-HYBRID, W14]", () => {
  let stolen: Stolen;
  let other: Stolen;
  beforeAll(async () => {
    stolen = await session();
    other = await session();
  });

  /** Everything that can be made of the keys and of what was on the wire. */
  function guesses({ capture, server }: Stolen): Buffer[] {
    const { kemKey, ciphertext } = publicParts(capture);
    const shares = [kemKey.subarray(1184), ciphertext.subarray(1088)];
    const keys = [server.server.privateKey, server.alice.privateKey];
    const seedsOfKeys = keys.map((key) => key.export({ type: "pkcs8", format: "der" }).subarray(-32));
    const agreements = keys.flatMap((key) => shares.map((share) => asX25519(key, share)));
    // The long-term keys as seeds of KEM keys, the way a static-key design would have used them.
    const decapsulated = seedsOfKeys.map((seed) =>
      Buffer.from(kem.kemKeyPairFromSeed(seed).decapsulate(ciphertext)),
    );
    const ders = keys.map((key) => key.export({ type: "pkcs8", format: "der" }));
    const { f1, s1, f2, s2 } = capture;
    return guessesFrom([
      ...[...seedsOfKeys, ...ders, ...agreements, ...decapsulated, ...shares],
      ...[kemKey, ciphertext, f1, s1, f2, s2, Buffer.alloc(32), Buffer.alloc(48)],
    ]);
  }

  test("decrypt nothing: no key that can be made of them opens a thing", () => {
    const all = guesses(stolen);
    expect(all.length).toBeGreaterThan(100);
    for (const guess of all) expect(() => decrypt(stolen.capture, guess)).toThrow(/authenticate/);
  });

  test("while with the forgotten ephemeral seed the same steps decrypt everything (control)", () => {
    const { ciphertext } = publicParts(stolen.capture);
    const secret = Buffer.from(kem.kemKeyPairFromSeed(stolen.seed).decapsulate(ciphertext));
    const clear = decrypt(stolen.capture, secret);
    expect(clear.length).toBeGreaterThanOrEqual(4);
    expect(clear[0]).toContain('"name":"echo"');
    expect(clear[1]).toContain("FIRST-SECRET");
    expect(clear[3]).toContain("m".repeat(100_000));
  });

  test("nor does the ephemeral seed of another session", () => {
    const { ciphertext } = publicParts(stolen.capture);
    const secret = Buffer.from(kem.kemKeyPairFromSeed(other.seed).decapsulate(ciphertext));
    expect(() => decrypt(stolen.capture, secret)).toThrow(/authenticate/);
  });
});
