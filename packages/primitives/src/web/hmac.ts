import { hmac } from "@noble/hashes/hmac.js";
import { sha384 } from "@noble/hashes/sha2.js";

/** RFC 2104 with SHA-384. Parts are authenticated as if joined. */
export function hmacSha384(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = hmac.create(sha384, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
