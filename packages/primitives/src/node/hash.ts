import { createHash } from "node:crypto";

/** FIPS 180-4. Parts are hashed as if joined: the caller makes the joint unambiguous. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha256", parts);
}

export function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha384", parts);
}

export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha512", parts);
}

/** FIPS 202. */
export function sha3_256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha3-256", parts);
}

/** FIPS 202: an output of any length. */
export function shake256(input: Uint8Array, outputLength: number): Uint8Array {
  return createHash("shake256", { outputLength }).update(input).digest();
}

function digest(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
