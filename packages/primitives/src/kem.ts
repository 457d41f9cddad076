import { sha3_256, shake256 } from "#runtime/hash";
import { mlKem } from "#runtime/ml-kem";
import { generateX25519, x25519FromBytes } from "#runtime/x25519";
import { concat, wipe } from "./bytes.ts";
import { PrimitiveError } from "./error.ts";
import { ML_KEM_CIPHERTEXT_BYTES, ML_KEM_PUBLIC_KEY_BYTES, mlKemEncapsulateDerand } from "./noble-ml-kem.ts";
import type { MlKemKeyPair } from "./noble-ml-kem.ts";
import type { X25519KeyPair } from "./x25519-key-pair.ts";

/** X-Wing: ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem). Safe while either one is. */
export const XWING = { publicKeyBytes: 1216, ciphertextBytes: 1120, sharedSecretBytes: 32 } as const;

export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  decapsulate(ciphertext: Uint8Array): Uint8Array;
  /** Forgets the private key; decapsulation throws from then on. */
  wipe(): void;
}

export interface Encapsulation {
  readonly ciphertext: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

// draft-connolly-cfrg-xwing-kem §5.3: "\.//^\" in ASCII.
const LABEL: Uint8Array = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c);

export function generateKemKeyPair(): KemKeyPair {
  return keyPair(mlKem().generate(), generateX25519());
}

/** §5.2. For test vectors and for keys that are stored as their 32-byte seed. */
export function kemKeyPairFromSeed(seed: Uint8Array): KemKeyPair {
  checkLength(seed, 32, "seed");
  const expanded = shake256(seed, 96);
  const pair = keyPair(mlKem().fromSeed(expanded.subarray(0, 64)), x25519FromBytes(expanded.subarray(64)));
  wipe(expanded);
  return pair;
}

/**
 * §5.4. Throws ERR_KEM for a public key that fails the modulus check of FIPS 203 §7.2, and, more strictly than
 * the draft, for an X25519 share of small order. So does decapsulation; that depends on public bytes alone.
 */
export function encapsulate(publicKey: Uint8Array): Encapsulation {
  return encapsulateWith(publicKey, (key) => mlKem().encapsulate(key), generateX25519());
}

/** §5.4.1. For test vectors only: the same `seed` gives the same secret. */
export function encapsulateDerand(publicKey: Uint8Array, seed: Uint8Array): Encapsulation {
  checkLength(seed, 64, "seed");
  return encapsulateWith(
    publicKey,
    (key) => mlKemEncapsulateDerand(key, seed.slice(0, 32)),
    x25519FromBytes(seed.subarray(32)),
  );
}

function encapsulateWith(
  publicKey: Uint8Array,
  encapsulateMlKem: (key: Uint8Array) => Encapsulation,
  ephemeral: X25519KeyPair,
): Encapsulation {
  checkLength(publicKey, XWING.publicKeyBytes, "public key");
  const xPublic = publicKey.subarray(ML_KEM_PUBLIC_KEY_BYTES);
  try {
    const xSecret = ephemeral.agree(xPublic);
    const m = encapsulateMlKem(publicKey.subarray(0, ML_KEM_PUBLIC_KEY_BYTES));
    return {
      ciphertext: concat(m.ciphertext, ephemeral.publicKey),
      sharedSecret: combine(m.sharedSecret, xSecret, ephemeral.publicKey, xPublic),
    };
  } catch (cause) {
    throw new PrimitiveError("ERR_KEM", "The peer's X-Wing public key is invalid.", { cause });
  }
}

function keyPair(mlKemPair: MlKemKeyPair, xPair: X25519KeyPair): KemKeyPair {
  const xPublic = xPair.publicKey;
  let secrets: { m: MlKemKeyPair; x: X25519KeyPair } | undefined = { m: mlKemPair, x: xPair };
  return {
    publicKey: concat(mlKemPair.publicKey, xPublic),
    decapsulate(ciphertext) {
      if (secrets === undefined) throw new PrimitiveError("ERR_KEM", "This X-Wing key has been wiped.");
      checkLength(ciphertext, XWING.ciphertextBytes, "ciphertext");
      const xCiphertext = ciphertext.subarray(ML_KEM_CIPHERTEXT_BYTES);
      try {
        const xSecret = secrets.x.agree(xCiphertext);
        const mSecret = secrets.m.decapsulate(ciphertext.subarray(0, ML_KEM_CIPHERTEXT_BYTES));
        return combine(mSecret, xSecret, xCiphertext, xPublic);
      } catch (cause) {
        throw new PrimitiveError("ERR_KEM", "The peer's X-Wing ciphertext is invalid.", { cause });
      }
    },
    wipe() {
      secrets?.m.wipe();
      secrets = undefined;
    },
  };
}

/** §5.3. Erases the two secrets it takes. */
function combine(
  mSecret: Uint8Array,
  xSecret: Uint8Array,
  xCiphertext: Uint8Array,
  xPublic: Uint8Array,
): Uint8Array {
  const secret = sha3_256(mSecret, xSecret, xCiphertext, xPublic, LABEL);
  wipe(mSecret, xSecret);
  return secret;
}

function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new PrimitiveError("ERR_KEM", `An X-Wing ${what} has ${length} bytes, not ${bytes.length}.`);
  }
}
