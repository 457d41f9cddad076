import { createPublicKey } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";
import { encode } from "./base64url.ts";
import { isWeakEd25519Point } from "../ed25519-point.ts";
import { MAX_SPKI_BYTES, spkiError, type Key } from "../key.ts";
import { algorithmOf, keyObject } from "./signature-algorithm.ts";

// DER up to the raw key (RFC 8410 §4; RFC 5480 §2 with the named curve and the 04 of an uncompressed point).
const ED25519_PREFIX: Uint8Array = Buffer.from("302a300506032b6570032100", "hex");
const P256_PREFIX: Uint8Array = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
const P384_PREFIX: Uint8Array = Buffer.from("3076301006072a8648ce3d020106052b8104002203620004", "hex");

/**
 * A key that can verify, from DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in its one canonical encoding: one key,
 * one encoding, one hash. Throws ERR_SPKI or ERR_KEY_UNSUPPORTED.
 */
export function publicKeyFromSpki(der: Uint8Array): KeyObject {
  // Keys of fixed size are cut out: on Node 20 the DER decoder takes ten times as long as a JWK import.
  const ed25519 = after(ED25519_PREFIX, der, 32);
  if (ed25519 !== undefined) return fromEd25519(ed25519);
  const p256 = after(P256_PREFIX, der, 64);
  if (p256 !== undefined) return fromPoint("P-256", p256);
  const p384 = after(P384_PREFIX, der, 96);
  if (p384 !== undefined) return fromPoint("P-384", p384);
  return fromDer(der);
}

/** DER SubjectPublicKeyInfo of a public key, or of a private key's public half. */
export function spkiOf(given: Key): Uint8Array {
  const key = keyObject(given);
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" });
}

function after(prefix: Uint8Array, der: Uint8Array, length: number): Uint8Array | undefined {
  const matches =
    der.length === prefix.length + length && Buffer.compare(der.subarray(0, prefix.length), prefix) === 0;
  return matches ? der.subarray(prefix.length) : undefined;
}

function fromEd25519(point: Uint8Array): KeyObject {
  if (isWeakEd25519Point(point)) {
    throw spkiError("The Ed25519 public key is of small order or not canonical.");
  }
  return fromJwk({ kty: "OKP", crv: "Ed25519", x: encode(point) });
}

function fromPoint(crv: string, point: Uint8Array): KeyObject {
  const half = point.length / 2;
  return fromJwk({ kty: "EC", crv, x: encode(point.subarray(0, half)), y: encode(point.subarray(half)) });
}

/** The import checks that an EC point is on its curve. */
function fromJwk(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (cause) {
    throw spkiError("The public key is not a point on its curve.", cause);
  }
}

/** RSA, and whatever deserves a better answer than “malformed”. */
function fromDer(der: Uint8Array): KeyObject {
  if (der.length > MAX_SPKI_BYTES) throw spkiError(`A public key is limited to ${MAX_SPKI_BYTES} bytes.`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch (cause) {
    throw spkiError("The bytes are not a DER SubjectPublicKeyInfo.", cause);
  }
  // The decoder takes BER and bytes that follow; writing the key again shows both.
  if (algorithmOf(key) !== "rsa-pss-sha384" || Buffer.compare(spkiOf(key), der) !== 0) {
    throw spkiError("The public key is not in its one canonical DER encoding.");
  }
  return key;
}
