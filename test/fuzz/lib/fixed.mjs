// Keys and identities that are the same in every run, so that an input means the same when it is replayed.
import { createECDH, createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { keySigner, directIdentity, pinnedPeers } from "@trusted-mcp/identity";

/** `length` bytes that follow from `label`. */
export function fixedBytes(label, length) {
  const digest = createHash("shake256", { outputLength: length }).update(`fuzz ${label}`).digest();
  return new Uint8Array(digest);
}

/** An Ed25519 key pair; signatures are deterministic (RFC 8032 §5.1.6). */
export function ed25519Of(label) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), fixedBytes(label, 32)]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, spki: spkiOf(publicKey) };
}

const CURVES = { "P-256": ["prime256v1", 32], "P-384": ["secp384r1", 48], secp256k1: ["secp256k1", 32] };

/** An EC key pair on `crv` (a JWK name). */
export function ecOf(label, crv) {
  const [curve, size] = CURVES[crv];
  const ecdh = createECDH(curve);
  const d = fixedBytes(label, size);
  d[0] &= 0x7f;
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
  const jwk = {
    kty: "EC",
    crv,
    x: b64(point.subarray(1, 1 + size)),
    y: b64(point.subarray(1 + size)),
    d: b64(d),
  };
  const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, spki: spkiOf(publicKey) };
}

/** An RSA public key whose modulus nobody can factor, its maker included: parsers do not mind. */
export function rsaPublicOf(label, bits, exponent = "AQAB") {
  const n = fixedBytes(label, bits / 8);
  n[0] |= 0x80;
  n[n.length - 1] |= 1;
  const jwk = { kty: "RSA", n: Buffer.from(n).toString("base64url"), e: exponent };
  return createPublicKey({ key: jwk, format: "jwk" });
}

export const spkiOf = (key) => new Uint8Array(key.export({ format: "der", type: "spki" }));

export const alice = ed25519Of("alice");
export const tools = ed25519Of("tools");
export const aliceIdentity = directIdentity(keySigner(alice.privateKey));
export const toolsIdentity = directIdentity(keySigner(tools.privateKey));
export const aliceOnly = pinnedPeers([{ name: "alice", key: alice.publicKey }]);
export const toolsOnly = pinnedPeers([{ name: "tools", key: tools.publicKey }]);

export const AUDIENCE = "https://tools.example/mcp";
export const NOW = Date.UTC(2026, 0, 1);

/** Time that stands still until a target moves it. */
export class StillClock {
  #now = NOW;
  #monotonic = 1_000_000;

  now() {
    return this.#now;
  }

  monotonic() {
    return this.#monotonic;
  }

  advance(ms) {
    this.#now += ms;
    this.#monotonic += ms;
  }

  reset() {
    this.#now = NOW;
  }
}
