import { isAscii, isUtf8 } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { argumentError, PrimitiveError } from "../error.ts";

/** The text of valid UTF-8. A byte order mark stays: dropping it would make two inputs read alike. */
export function utf8Decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Five times as fast for the usual ASCII JSON before Node 24.18.
  if (isAscii(buffer)) return buffer.toString("latin1");
  if (!isUtf8(buffer)) throw new PrimitiveError("ERR_UTF8", "The bytes are not valid UTF-8.");
  return buffer.toString("utf8");
}

/** Takes the same time wherever equally long inputs differ; lengths are not secret. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function random(length: number): Uint8Array {
  if (!Number.isSafeInteger(length) || length < 0 || length > 65_536) {
    throw argumentError("Random bytes come in lengths from 0 to 65536.");
  }
  return randomBytes(length);
}
