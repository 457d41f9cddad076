import { createCipheriv, createDecipheriv } from "node:crypto";
import { checkKey, openError, TAG_BYTES } from "../aead-check.ts";
import { secretKey } from "./secret-key.ts";

/** AES-256-GCM (NIST SP 800-38D): ciphertext followed by its 16-byte tag. A key must meet a nonce once. */
export function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const { ciphertext, tag } = sealDetached(key, nonce, aad, plaintext);
  const sealed = new Uint8Array(ciphertext.length + TAG_BYTES);
  sealed.set(ciphertext);
  sealed.set(tag, ciphertext.length);
  return sealed;
}

/** The two parts of `seal`, uncopied: from 64 KiB on the copy costs as much as sealing. */
export function sealDetached(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { ciphertext: Uint8Array; tag: Uint8Array } {
  checkKey(key, nonce);
  const cipher = createCipheriv("aes-256-gcm", secretKey(key), nonce);
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  // GCM is a stream mode: nothing is left for `final` to put out.
  cipher.final();
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** The plaintext, once the tag over it and `aad` verified. Every failure looks the same. */
export function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  checkKey(key, nonce);
  const split = sealed.length - TAG_BYTES;
  if (split < 0) throw openError();
  const decipher = createDecipheriv("aes-256-gcm", secretKey(key), nonce);
  decipher.setAAD(aad);
  // Always 16 bytes: the runtime would take a shorter, easier to forge tag as well.
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
