import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { random } from "#runtime/bytes";

export const ML_KEM_PUBLIC_KEY_BYTES = 1184;
export const ML_KEM_CIPHERTEXT_BYTES = 1088;

export interface MlKemKeyPair {
  readonly publicKey: Uint8Array;
  decapsulate(ciphertext: Uint8Array): Uint8Array;
  wipe(): void;
}

/** ML-KEM-768 (FIPS 203). `encapsulate` throws when the key fails the modulus check of §7.2. */
export interface MlKem {
  readonly implementation: "native" | "noble";
  generate(): MlKemKeyPair;
  /** From d ‖ z (FIPS 203 §7.1), 64 bytes. */
  fromSeed(seed: Uint8Array): MlKemKeyPair;
  encapsulate(publicKey: Uint8Array): { ciphertext: Uint8Array; sharedSecret: Uint8Array };
}

export const nobleMlKem: MlKem = {
  implementation: "noble",
  generate: () => noblePair(random(64)),
  fromSeed: (seed) => noblePair(Uint8Array.from(seed)),
  encapsulate(publicKey) {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey);
    return { ciphertext: cipherText, sharedSecret };
  },
};

/** Encapsulation with chosen randomness, for test vectors: a repeated `message` repeats the secret. */
export function mlKemEncapsulateDerand(
  publicKey: Uint8Array,
  message: Uint8Array,
): { ciphertext: Uint8Array; sharedSecret: Uint8Array } {
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, message);
  return { ciphertext: cipherText, sharedSecret };
}

function noblePair(seed: Uint8Array): MlKemKeyPair {
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  seed.fill(0);
  return {
    publicKey,
    decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey),
    wipe: () => void secretKey.fill(0),
  };
}
