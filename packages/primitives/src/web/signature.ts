import { unsupportedKey, type Key, type SignatureAlgorithm } from "../key.ts";
import { partsOf } from "./key.ts";

export { publicKeyFromSpki, spkiOf } from "./spki.ts";

/** The one algorithm a key is used with. It follows from the key, so nobody can negotiate a weaker one. */
export function algorithmOf(key: Key): SignatureAlgorithm {
  return partsOf(key).algorithm;
}

/** Private keys stay in WebCrypto here, where scripts cannot read them: a signer of their own asks it. */
export function sign(_key: Key, _message: Uint8Array): Promise<Uint8Array> {
  return Promise.reject(unsupportedKey("Outside Node a key that signs is a CryptoKey: use webIdentity."));
}

/**
 * False for every signature that is not valid, whatever is wrong with it; for RSA a promise of it. Compare with
 * `true` after `await`: a promise by itself is truthy.
 */
export function verify(key: Key, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean> {
  const parts = partsOf(key);
  try {
    return parts.verify(message, signature);
  } catch {
    return false;
  }
}
