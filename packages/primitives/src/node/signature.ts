import { constants, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { unsupportedKey, type Key } from "../key.ts";
import { algorithmOf, keyObject } from "./signature-algorithm.ts";

export { algorithmOf } from "./signature-algorithm.ts";
export { publicKeyFromSpki, spkiOf } from "./spki.ts";

/** RFC 8017 §9.1: the salt is as long as the hash, on signing and on verifying alike. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 } as const;

/** RSA runs on the thread pool, because it takes milliseconds; the others take microseconds. */
export async function sign(key: Key, message: Uint8Array): Promise<Uint8Array> {
  const privateKey = keyObject(key);
  const algorithm = algorithmOf(privateKey);
  if (privateKey.type !== "private") throw unsupportedKey("A public key cannot sign.");
  switch (algorithm) {
    case "ed25519":
      return nodeSign(null, message, privateKey);
    case "ecdsa-p256-sha256":
      return nodeSign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    case "ecdsa-p384-sha384":
      return nodeSign("sha384", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    case "rsa-pss-sha384":
      return new Promise((resolve, reject) => {
        nodeSign("sha384", message, { key: privateKey, ...PSS }, (error, signature) => {
          if (error) reject(error);
          else resolve(signature);
        });
      });
  }
}

/**
 * False for every signature that is not valid, whatever is wrong with it. Here always a plain boolean; where RSA
 * is WebCrypto's, it is a promise. Compare with `true` after `await`: a promise by itself is truthy.
 */
export function verify(key: Key, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean> {
  const publicKey = keyObject(key);
  const algorithm = algorithmOf(publicKey);
  try {
    switch (algorithm) {
      case "ed25519":
        return signature.length === 64 && nodeVerify(null, message, publicKey, signature);
      case "ecdsa-p256-sha256":
        return signature.length === 64 && verifyEcdsa("sha256", publicKey, message, signature);
      case "ecdsa-p384-sha384":
        return signature.length === 96 && verifyEcdsa("sha384", publicKey, message, signature);
      case "rsa-pss-sha384":
        return nodeVerify("sha384", message, { key: publicKey, ...PSS }, signature);
    }
  } catch {
    return false;
  }
}

function verifyEcdsa(hash: string, key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return nodeVerify(hash, message, { key, dsaEncoding: "ieee-p1363" }, signature);
}
