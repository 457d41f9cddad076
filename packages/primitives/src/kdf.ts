import { hmacSha384 } from "#runtime/hmac";
import { argumentError } from "./error.ts";

export { hmacSha384 } from "#runtime/hmac";

const HASH_BYTES = 48;

/** RFC 5869 §2.2. An empty salt is the same as 48 zero bytes. */
export function hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return hmacSha384(salt, ikm);
}

/** RFC 5869 §2.3. Up to 48 bytes cost one HMAC. */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isSafeInteger(length) || length < 1 || length > 255 * HASH_BYTES) {
    throw argumentError("HKDF-SHA384 expands to 1 to 12240 bytes.");
  }
  let block = hmacSha384(prk, info, Uint8Array.of(1));
  if (length === HASH_BYTES) return block;
  // Copied: a view would carry the unused rest of the last block along.
  const out = new Uint8Array(length);
  for (let at = 0, counter = 2; ; counter++) {
    out.set(length - at < HASH_BYTES ? block.subarray(0, length - at) : block, at);
    at += HASH_BYTES;
    const next = at < length ? hmacSha384(prk, block, info, Uint8Array.of(counter)) : undefined;
    block.fill(0);
    if (next === undefined) return out;
    block = next;
  }
}
