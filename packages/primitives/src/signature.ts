import { constants, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { PrimitiveError } from "./error.ts";
import { parseSpki } from "./spki.ts";

export { spkiOf } from "./spki.ts";

export type SignatureAlgorithm = "ed25519" | "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "rsa-pss-sha384";

/** RFC 8017 §9.1: the salt is as long as the hash, on signing and on verifying alike. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 } as const;

/** The one algorithm a key is used with. Follows from the key, so nobody can negotiate a weaker one. */
export function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return "ed25519";
    case "ec":
      if (details.namedCurve === "prime256v1") return "ecdsa-p256-sha256";
      if (details.namedCurve === "secp384r1") return "ecdsa-p384-sha384";
      throw unsupported("EC keys must be on P-256 or P-384.");
    case "rsa": {
      const bits = details.modulusLength ?? 0;
      if (bits < 3072 || bits > 8192) throw unsupported(`RSA keys must have 3072 to 8192 bits, not ${bits}.`);
      const exponent = details.publicExponent ?? 0n;
      // FIPS 186-5 §5.1 asks for an odd e > 2^16; the upper bound keeps verification cheap.
      if (exponent < 65_537n || exponent >= 2n ** 64n || exponent % 2n === 0n) {
        throw unsupported("The RSA public exponent must be odd and from 65537 to 2^64.");
      }
      return "rsa-pss-sha384";
    }
    default:
      throw unsupported(`Keys of type ${key.asymmetricKeyType ?? key.type} cannot sign here.`);
  }
}

/** RSA runs on the thread pool, because it takes milliseconds; the others take microseconds. */
export async function sign(privateKey: KeyObject, message: Uint8Array): Promise<Uint8Array> {
  const algorithm = algorithmOf(privateKey);
  if (privateKey.type !== "private") throw unsupported("A public key cannot sign.");
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

/** False for every signature that is not valid, whatever is wrong with it. */
export function verify(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
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

/** A usable public key from its canonical DER SubjectPublicKeyInfo, else ERR_SPKI or ERR_KEY_UNSUPPORTED. */
export function publicKeyFromSpki(der: Uint8Array): KeyObject {
  const key = parseSpki(der);
  algorithmOf(key);
  return key;
}

function unsupported(message: string): PrimitiveError {
  return new PrimitiveError(
    "ERR_KEY_UNSUPPORTED",
    `${message} Use Ed25519, ECDSA P-256 or P-384, or RSA of 3072 bits or more.`,
    {
      action: "fix",
    },
  );
}
