import { createHmac } from "node:crypto";
import { secretKey } from "./secret-key.ts";

/** RFC 2104 with SHA-384. Parts are authenticated as if joined. */
export function hmacSha384(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha384", secretKey(key));
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
