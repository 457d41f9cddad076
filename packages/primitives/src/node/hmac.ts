import { createHmac, hash } from "node:crypto";
import { secretKey } from "./secret-key.ts";

const BLOCK_BYTES = 128;
const HASH_BYTES = 48;
/** Room for what key derivation takes; what is longer goes the other way. */
const inner = new Uint8Array(BLOCK_BYTES + 384);
const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);

/**
 * RFC 2104 with SHA-384. Parts are authenticated as if joined. A short message is hashed in two calls that make no
 * object: for the runtime's Hmac (and, on Node 24, its key object) the collector works longer than the hash does.
 */
export function hmacSha384(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  let size = BLOCK_BYTES;
  for (const part of parts) size += part.length;
  if (key.length > BLOCK_BYTES || size > inner.length) return streamed(key, parts);
  inner.fill(0x36, 0, BLOCK_BYTES);
  outer.fill(0x5c, 0, BLOCK_BYTES);
  for (let at = 0; at < key.length; at++) {
    const byte = key[at] ?? 0;
    inner[at] = byte ^ 0x36;
    outer[at] = byte ^ 0x5c;
  }
  let at = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  outer.set(hash("sha384", inner.subarray(0, size), "buffer"), BLOCK_BYTES);
  const mac = hash("sha384", outer, "buffer");
  inner.fill(0, 0, size);
  outer.fill(0);
  return mac;
}

function streamed(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha384", secretKey(key));
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
