import { encode } from "@trusted-mcp/primitives/base64url";
import { sha256 } from "@trusted-mcp/primitives/hash";

/** base64url(SHA-256(SPKI)): how people, logs and allow lists name a key. 43 characters. */
export function keyId(spki: Uint8Array): string {
  return encode(sha256(spki));
}
