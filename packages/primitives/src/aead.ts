import { createCipheriv, createDecipheriv } from "node:crypto";
import { argumentError, PrimitiveError } from "./error.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM (NIST SP 800-38D): ciphertext followed by its 16-byte tag. A key must meet a nonce once. */
export function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkKey(key, nonce);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  const sealed = new Uint8Array(ciphertext.length + TAG_BYTES);
  sealed.set(ciphertext);
  sealed.set(cipher.getAuthTag(), ciphertext.length);
  return sealed;
}

/** The plaintext, once the tag over it and `aad` verified. Every failure looks the same. */
export function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  checkKey(key, nonce);
  const split = sealed.length - TAG_BYTES;
  if (split < 0) throw openError();
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(split));
  const plaintext = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
  } catch {
    // Nobody may see what a forger made the cipher produce.
    plaintext.fill(0);
    throw openError();
  }
  return plaintext;
}

function checkKey(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw argumentError("AES-256-GCM takes a key of 32 bytes.");
  if (nonce.length !== NONCE_BYTES) throw argumentError("AES-256-GCM takes a nonce of 12 bytes here.");
}

function openError(): PrimitiveError {
  return new PrimitiveError(
    "ERR_AEAD_OPEN",
    "The sealed data does not open: wrong key, or changed on the way.",
  );
}
