import { sha256 as nobleSha256, sha384 as nobleSha384, sha512 as nobleSha512 } from "@noble/hashes/sha2.js";
import { sha3_256 as nobleSha3, shake256 as nobleShake } from "@noble/hashes/sha3.js";

/** What the hashes of the library have in common. */
interface Hash {
  create(): { update(part: Uint8Array): unknown; digest(): Uint8Array };
}

/** FIPS 180-4. Parts are hashed as if joined: the caller makes the joint unambiguous. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(nobleSha256, parts);
}

export function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(nobleSha384, parts);
}

export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(nobleSha512, parts);
}

/** FIPS 202. */
export function sha3_256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(nobleSha3, parts);
}

/** FIPS 202: an output of any length. */
export function shake256(input: Uint8Array, outputLength: number): Uint8Array {
  return nobleShake(input, { dkLen: outputLength });
}

function digest(name: Hash, parts: readonly Uint8Array[]): Uint8Array {
  const hash = name.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
