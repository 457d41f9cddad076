/// <reference lib="es2024.string" />
import { PrimitiveError } from "./error.ts";

export { Reader } from "./reader.ts";
export { Writer } from "./writer.ts";
export { equal, random, utf8Decode } from "#runtime/bytes";

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

/** Overwrites secrets with zeros. Best effort: the runtime may have made copies. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
