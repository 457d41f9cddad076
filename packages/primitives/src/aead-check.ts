import { argumentError, PrimitiveError } from "./error.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

export function checkKey(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw argumentError("AES-256-GCM takes a key of 32 bytes.");
  if (nonce.length !== NONCE_BYTES) throw argumentError("AES-256-GCM takes a nonce of 12 bytes here.");
}

export function openError(): PrimitiveError {
  return new PrimitiveError(
    "ERR_AEAD_OPEN",
    "The sealed data does not open: wrong key, or changed on the way.",
  );
}
