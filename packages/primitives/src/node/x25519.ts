import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { X25519KeyPair } from "../x25519-key-pair.ts";
import { decode, encode } from "./base64url.ts";

// PKCS#8 of RFC 8410 §7 up to the raw key.
const PKCS8_PREFIX: Uint8Array = Buffer.from("302e020100300506032b656e04220420", "hex");

export function generateX25519(): X25519KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  return keyPair(privateKey, publicKey);
}

export function x25519FromBytes(scalar: Uint8Array): X25519KeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, scalar]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return keyPair(privateKey, createPublicKey(privateKey));
}

function keyPair(privateKey: KeyObject, publicKey: KeyObject): X25519KeyPair {
  return { publicKey: rawPublicKey(publicKey), agree: (peer) => x25519(privateKey, peer) };
}

/** OpenSSL refuses an all-zero result, and with it every share of small order. */
function x25519(privateKey: KeyObject, peer: Uint8Array): Uint8Array {
  // A JWK import is the fastest on every runtime; DER costs ten times as much on Node 20.
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: encode(peer) }, format: "jwk" });
  return diffieHellman({ privateKey, publicKey });
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const { x } = key.export({ format: "jwk" });
  if (x === undefined) throw new Error("An X25519 key has no public part.");
  return decode(x);
}
