import { PrimitiveError } from "./error.ts";

/** RFC 4648 §5 without padding. */
export function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/**
 * Accepts exactly what `encode` produces. The runtime's decoder skips or tolerates padding, white space,
 * the other alphabet and stray trailing bits (RFC 4648 §3.5), so two texts could name one value; encoding
 * again and comparing leaves one text per value.
 */
export function decode(text: string): Uint8Array {
  // Not from the shared pool: the bytes may be secret.
  const bytes = Buffer.allocUnsafeSlow(Math.floor((text.length * 3) / 4));
  const written = bytes.write(text, "base64url");
  if (written !== bytes.length || bytes.toString("base64url") !== text) {
    throw new PrimitiveError("ERR_BASE64URL", "The text is not canonical base64url without padding.");
  }
  return bytes;
}
