import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { PrimitiveError } from "./error.ts";

/** An RSA-8192 key takes 1062 bytes. */
const MAX_BYTES = 2048;

/**
 * A public key from DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). Only the bytes that this runtime would
 * write itself pass, so one key has one encoding and one hash.
 */
export function parseSpki(der: Uint8Array): KeyObject {
  if (der.length > MAX_BYTES) throw spkiError(`A public key is limited to ${MAX_BYTES} bytes.`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch (cause) {
    throw new PrimitiveError("ERR_SPKI", "The bytes are not a DER SubjectPublicKeyInfo.", { cause });
  }
  if (!spkiOf(key).every((byte, at) => byte === der[at]) || spkiOf(key).length !== der.length) {
    throw spkiError("The public key is not encoded in its one canonical form.");
  }
  return key;
}

/** DER SubjectPublicKeyInfo of a public key, or of a private key's public half. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ format: "der", type: "spki" });
}

function spkiError(message: string): PrimitiveError {
  return new PrimitiveError("ERR_SPKI", message, { action: "fix" });
}
