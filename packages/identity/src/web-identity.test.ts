import { createPublicKey } from "node:crypto";
import { publicKeyFromSpki, verify } from "@trusted-mcp/primitives/signature";
import { describe, expect, test } from "vitest";
import { refused } from "../test/support.ts";
import { parseCredential, RAW_KEY } from "./credential.ts";
import { pinnedPeers } from "./trust-store.ts";
import { generateWebKey, webIdentity, type WebKeyPair } from "./web-identity.ts";

const { subtle } = globalThis.crypto;
const P256 = { name: "ECDSA", namedCurve: "P-256" };
const P384 = { name: "ECDSA", namedCurve: "P-384" };

type Algorithm = Parameters<typeof subtle.generateKey>[0];

async function pairOf(algorithm: Algorithm, extractable = false): Promise<WebKeyPair> {
  const made = await subtle.generateKey(algorithm, extractable, ["sign", "verify"]);
  if (!("privateKey" in made)) throw new Error("no pair");
  return made;
}

describe("an identity in WebCrypto", () => {
  test.each([
    ["ed25519", "Ed25519"],
    ["ecdsa-p256-sha256", P256],
    ["ecdsa-p384-sha384", P384],
  ] as const)("%s signs handshakes, and a server can pin its PEM", async (name, algorithm) => {
    const identity = await webIdentity(await pairOf(algorithm));
    expect(identity.algorithm).toBe(name);
    const own = await identity.current("client", "https://a.example/mcp");
    expect(parseCredential(own.bytes).type).toBe(RAW_KEY);
    const peers = pinnedPeers([{ name: "page", key: identity.publicKeyPem }]);
    expect(peers.list()).toEqual([{ name: "page", keyId: identity.keyId, algorithm: name }]);
    const context = { role: "client", audience: "https://a.example/mcp", now: Date.now() } as const;
    const verified = await peers.verify(own.bytes, context);
    const message = Buffer.from("handshake");
    expect(await verified.verify(message, await own.sign(message))).toBe(true);
    expect(await verified.verify(Buffer.from("other"), await own.sign(message))).toBe(false);
  });

  test("the PEM is what OpenSSL writes", async () => {
    for (const algorithm of ["Ed25519", P256, P384]) {
      const { publicKeyPem } = await webIdentity(await pairOf(algorithm));
      expect(createPublicKey(publicKeyPem).export({ type: "spki", format: "pem" })).toBe(publicKeyPem);
    }
  });

  test("a generated private key cannot be read, and nothing that is logged shows one [REQ-BROWSER-KEY]", async () => {
    const pair = await generateWebKey();
    expect(pair.privateKey.extractable).toBe(false);
    for (const format of ["pkcs8", "jwk"] as const)
      await expect(subtle.exportKey(format, pair.privateKey as never)).rejects.toThrow();
    const identity = await webIdentity(pair);
    expect(Object.keys(identity).sort()).toEqual(["algorithm", "current", "keyId", "publicKeyPem", "types"]);
    expect(JSON.stringify(identity)).not.toMatch(/private/i);
  });

  test("a private key that scripts can read is refused [REQ-BROWSER-KEY]", async () => {
    const error = await refused("ERR_KEY_UNSUPPORTED", async () =>
      webIdentity(await pairOf("Ed25519", true)),
    );
    expect(error.message).toContain("extractable: false");
  });

  test.each([
    [
      "RSA",
      { name: "RSA-PSS", modulusLength: 3072, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-384" },
    ],
    ["P-521", { name: "ECDSA", namedCurve: "P-521" }],
  ])("%s is refused", async (_, algorithm) => {
    await refused("ERR_KEY_UNSUPPORTED", async () => webIdentity(await pairOf(algorithm)));
  });

  test("halves of two pairs are refused", async () => {
    const [a, b] = [await pairOf("Ed25519"), await pairOf("Ed25519")];
    const mixed = { privateKey: a.privateKey, publicKey: b.publicKey };
    await refused("ERR_KEY_INCONSISTENT", () => webIdentity(mixed));
  });

  test("swapped halves, things that are no keys, and keys for something else are refused", async () => {
    const { privateKey, publicKey } = await pairOf("Ed25519");
    await refused("ERR_KEY_UNSUPPORTED", () => webIdentity({ privateKey: publicKey, publicKey: privateKey }));
    const fake = { type: "private", extractable: false, algorithm: { name: "Ed25519" }, usages: [] } as const;
    await refused("ERR_KEY_UNSUPPORTED", () => webIdentity({ privateKey: fake, publicKey }));
    const agreement = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    await refused("ERR_KEY_UNSUPPORTED", () => webIdentity(agreement));
  });

  test("its signatures are those of its public key and of no other", async () => {
    const [one, other] = [
      await webIdentity(await generateWebKey()),
      await webIdentity(await generateWebKey()),
    ];
    const message = Buffer.from("m");
    const made = await (await one.current("client", "a")).sign(message);
    const { spki } = await other.current("client", "a");
    expect(verify(publicKeyFromSpki(spki), message, made)).toBe(false);
  });
});
