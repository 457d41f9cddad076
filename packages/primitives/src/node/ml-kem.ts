import nodeCrypto, { createPrivateKey, createPublicKey, timingSafeEqual } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { argumentError } from "../error.ts";
import { ML_KEM_PUBLIC_KEY_BYTES, nobleMlKem } from "../noble-ml-kem.ts";
import type { MlKem, MlKemKeyPair } from "../noble-ml-kem.ts";

/** What Node gained in 24.7; the type definitions of the oldest supported Node do not know it. */
interface NodeMlKem {
  generateKeyPairSync(type: "ml-kem-768"): { publicKey: KeyObject; privateKey: KeyObject };
  encapsulate(key: KeyObject): { ciphertext: Uint8Array; sharedKey: Uint8Array };
  decapsulate(key: KeyObject, ciphertext: Uint8Array): Uint8Array;
}

// DER up to the raw key (draft-ietf-lamps-kyber-certificates: SubjectPublicKeyInfo, PKCS#8 with the seed alone).
const SPKI_PREFIX: Uint8Array = Buffer.from("308204b2300b0609608648016503040402038204a100", "hex");
const SEED_PREFIX: Uint8Array = Buffer.from("3054020100300b060960864801650304040204428040", "hex");

/** OpenSSL's implementation, or undefined when this runtime has none. */
export function nativeMlKem(): MlKem | undefined {
  const node: object = nodeCrypto;
  if (!hasMlKem(node)) return undefined;
  const native: MlKem = {
    implementation: "native",
    generate: () => nativePair(node, node.generateKeyPairSync("ml-kem-768")),
    fromSeed(seed) {
      // OpenSSL passes over bytes that follow the DER.
      checkLength(seed, 64);
      const der = Buffer.concat([SEED_PREFIX, seed]);
      const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      der.fill(0);
      return nativePair(node, { privateKey, publicKey: createPublicKey(privateKey) });
    },
    encapsulate(publicKey) {
      checkLength(publicKey, ML_KEM_PUBLIC_KEY_BYTES);
      const key = Buffer.concat([SPKI_PREFIX, publicKey]);
      const { ciphertext, sharedKey } = node.encapsulate(
        createPublicKey({ key, format: "der", type: "spki" }),
      );
      return { ciphertext, sharedSecret: sharedKey };
    },
  };
  return worksHere(native) ? native : undefined;
}

function nativePair(node: NodeMlKem, pair: { publicKey: KeyObject; privateKey: KeyObject }): MlKemKeyPair {
  const spki = pair.publicKey.export({ format: "der", type: "spki" });
  let privateKey: KeyObject | undefined = pair.privateKey;
  return {
    publicKey: Uint8Array.prototype.slice.call(spki, SPKI_PREFIX.length),
    decapsulate(ciphertext) {
      if (privateKey === undefined) throw new Error("The key is wiped.");
      return node.decapsulate(privateKey, ciphertext);
    },
    // OpenSSL clears the key when the last reference goes.
    wipe: () => void (privateKey = undefined),
  };
}

function checkLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw argumentError(`Expected ${length} bytes, not ${bytes.length}.`);
}

function hasMlKem(node: object): node is NodeMlKem {
  return "encapsulate" in node && "decapsulate" in node && typeof node.encapsulate === "function";
}

/** The functions may exist over a cryptographic library without the algorithm: try it once. */
function worksHere(kem: MlKem): boolean {
  try {
    const pair = kem.generate();
    const { ciphertext, sharedSecret } = kem.encapsulate(pair.publicKey);
    return timingSafeEqual(pair.decapsulate(ciphertext), sharedSecret);
  } catch {
    return false;
  }
}

let chosen: MlKem | undefined;

/** Native where it works, chosen on first use. */
export function mlKem(): MlKem {
  return (chosen ??= nativeMlKem() ?? nobleMlKem);
}
