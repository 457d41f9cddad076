import { gcm } from "@noble/ciphers/aes.js";
import { checkKey, openError, TAG_BYTES } from "../aead-check.ts";

/** AES-256-GCM (NIST SP 800-38D): ciphertext followed by its 16-byte tag. A key must meet a nonce once. */
export function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkKey(key, nonce);
  return gcm(key, nonce, aad).encrypt(plaintext);
}

/** The two parts of `seal`: views on one array, uncopied. */
export function sealDetached(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { ciphertext: Uint8Array; tag: Uint8Array } {
  const sealed = seal(key, nonce, aad, plaintext);
  const split = sealed.length - TAG_BYTES;
  return { ciphertext: sealed.subarray(0, split), tag: sealed.subarray(split) };
}

/** The plaintext, once the tag over it and `aad` verified. Every failure looks the same. */
export function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  checkKey(key, nonce);
  if (sealed.length < TAG_BYTES) throw openError();
  try {
    // Compares the tag in constant time, before it decrypts a byte.
    return gcm(key, nonce, aad).decrypt(sealed);
  } catch {
    throw openError();
  }
}
