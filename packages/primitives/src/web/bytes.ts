import { argumentError, PrimitiveError } from "../error.ts";

/** The text of valid UTF-8. A byte order mark stays: dropping it would make two inputs read alike. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PrimitiveError("ERR_UTF8", "The bytes are not valid UTF-8.");
  }
}

/** Looks at every byte wherever equally long inputs differ; lengths are not secret. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}

export function random(length: number): Uint8Array {
  if (!Number.isSafeInteger(length) || length < 0 || length > 65_536) {
    throw argumentError("Random bytes come in lengths from 0 to 65536.");
  }
  // Throws where there is no generator: there is nothing to fall back to.
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}
