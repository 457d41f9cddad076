import { unsupportedKey, type Key, type SignatureAlgorithm } from "../key.ts";

/** A public key outside Node: made by `publicKeyFromSpki` only, so that every key in use was checked. */
export interface WebPublicKey extends Key {
  readonly type: "public";
  readonly algorithm: SignatureAlgorithm;
}

interface Parts {
  readonly spki: Uint8Array;
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>;
}

const known = new WeakMap<object, Parts & { readonly algorithm: SignatureAlgorithm }>();

export function makeKey(algorithm: SignatureAlgorithm, parts: Parts): WebPublicKey {
  const key: WebPublicKey = Object.freeze({ type: "public", algorithm });
  known.set(key, { ...parts, algorithm });
  return key;
}

/** Throws ERR_KEY_UNSUPPORTED for what this package did not make. */
export function partsOf(key: Key): Parts & { readonly algorithm: SignatureAlgorithm } {
  const parts = known.get(key);
  if (parts === undefined) throw unsupportedKey("Only keys from publicKeyFromSpki are known here.");
  return parts;
}
