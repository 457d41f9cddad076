import { PrimitiveError } from "./error.ts";

export type SignatureAlgorithm = "ed25519" | "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "rsa-pss-sha384";

/** A key that this runtime can use: on Node a `KeyObject`, elsewhere what `publicKeyFromSpki` gave. */
export interface Key {
  readonly type: "private" | "public" | "secret";
}

export function unsupportedKey(message: string): PrimitiveError {
  return new PrimitiveError(
    "ERR_KEY_UNSUPPORTED",
    `${message} Use Ed25519, ECDSA P-256 or P-384, or RSA of 3072 to 8192 bits.`,
    { action: "fix" },
  );
}

/** Throws ERR_KEY_UNSUPPORTED for an RSA key outside the bounds that hold everywhere. */
export function checkRsa(bits: number, exponent: bigint): void {
  if (bits < 3072 || bits > 8192) throw unsupportedKey(`RSA keys of ${bits} bits are not accepted.`);
  // FIPS 186-5 §5.1 asks for an odd e > 2^16; the upper bound keeps verification cheap.
  if (exponent < 65_537n || exponent >= 2n ** 64n || exponent % 2n === 0n) {
    throw unsupportedKey("The RSA public exponent must be odd, at least 65537 and below 2^64.");
  }
}

/** An RSA-8192 key takes 1062 bytes. */
export const MAX_SPKI_BYTES = 2048;

export function spkiError(message: string, cause?: unknown): PrimitiveError {
  return new PrimitiveError("ERR_SPKI", message, cause === undefined ? {} : { cause });
}
