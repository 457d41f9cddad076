import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isWeakEd25519Point } from "./ed25519-point.ts";
import { PrimitiveError } from "./error.ts";

/** An RSA-8192 key takes 1062 bytes. */
const MAX_BYTES = 2048;

/** Uncompressed points (SEC 1 §2.3.3) have one length per curve. */
const EC_POINT_BYTES: ReadonlyMap<number, number> = new Map([
  [91, 65],
  [120, 97],
]);

/**
 * A public key from DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). Only the bytes that this runtime would
 * write itself pass, and of the forms of an EC point only the uncompressed one: one key, one encoding, one hash.
 */
export function parseSpki(der: Uint8Array): KeyObject {
  if (der.length > MAX_BYTES) throw spkiError(`A public key is limited to ${MAX_BYTES} bytes.`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch (cause) {
    throw spkiError("The bytes are not a DER SubjectPublicKeyInfo.", cause);
  }
  if (Buffer.compare(spkiOf(key), der) !== 0) throw spkiError("The public key is not in canonical DER.");
  if (key.asymmetricKeyType === "ec" && der[der.length - (EC_POINT_BYTES.get(der.length) ?? 0)] !== 4) {
    throw spkiError("The EC public key must be an uncompressed point on P-256 or P-384.");
  }
  if (key.asymmetricKeyType === "ed25519" && isWeakEd25519Point(der.subarray(-32))) {
    throw spkiError("The Ed25519 public key is of small order or not canonical.");
  }
  return key;
}

/** DER SubjectPublicKeyInfo of a public key, or of a private key's public half. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" });
}

function spkiError(message: string, cause?: unknown): PrimitiveError {
  return new PrimitiveError("ERR_SPKI", message, cause === undefined ? {} : { cause });
}
