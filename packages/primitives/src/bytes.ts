/// <reference lib="es2024.string" />
import { isAscii, isUtf8 } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { argumentError, PrimitiveError } from "./error.ts";

export { Reader } from "./reader.ts";
export { Writer } from "./writer.ts";

/** The parts in order, in memory of their own: never a view on a pool shared with other buffers. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** UTF-8 of a well-formed string. A lone surrogate is refused: it would encode like U+FFFD. */
export function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) {
    throw new PrimitiveError("ERR_UTF8", "The text holds a lone surrogate, which UTF-8 cannot encode.");
  }
  return new TextEncoder().encode(text);
}

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

/** Overwrites secrets with zeros. Best effort: the runtime may have made copies. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
