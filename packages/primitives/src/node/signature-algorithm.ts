import { createPublicKey, KeyObject } from "node:crypto";
import { checkRsa, unsupportedKey, type Key, type SignatureAlgorithm } from "../key.ts";

/** The one algorithm a key is used with. It follows from the key, so nobody can negotiate a weaker one. */
export function algorithmOf(given: Key): SignatureAlgorithm {
  const key = keyObject(given);
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return "ed25519";
    case "ec":
      requirePoint(key);
      return ecdsaAlgorithm(key.asymmetricKeyDetails?.namedCurve);
    case "rsa":
      checkRsa(key.asymmetricKeyDetails?.modulusLength ?? 0, key.asymmetricKeyDetails?.publicExponent ?? 0n);
      return "rsa-pss-sha384";
    default:
      throw unsupportedKey(`Keys of type ${key.asymmetricKeyType ?? key.type} cannot sign here.`);
  }
}

/** Whatever else calls itself a key was not made by this runtime, and nobody checked it. */
export function keyObject(key: Key): KeyObject {
  if (key instanceof KeyObject) return key;
  throw unsupportedKey("This is no KeyObject of Node.");
}

function ecdsaAlgorithm(curve: string | undefined): SignatureAlgorithm {
  if (curve === "prime256v1") return "ecdsa-p256-sha256";
  if (curve === "secp384r1") return "ecdsa-p384-sha384";
  throw unsupportedKey(`EC keys on ${curve ?? "a curve without a name"} are not accepted.`);
}

/** A compressed P-256 point; shorter keys have no point, or a curve that is not accepted anyway. */
const MIN_EC_SPKI_BYTES = 59;

/** Keys whose point was looked at. */
const sound = new WeakSet<KeyObject>();

/**
 * OpenSSL imports the point at infinity (SEC 1 §2.3.4), and Node 20 and 22 then abort the whole process when asked
 * for the key's details. Writing the key is the one question that is safe: it fails, or gives a key without a point.
 */
function requirePoint(key: KeyObject): void {
  if (sound.has(key)) return;
  let size = 0;
  try {
    const publicKey = key.type === "private" ? createPublicKey(key) : key;
    size = publicKey.export({ format: "der", type: "spki" }).length;
  } catch {
    // Refused below.
  }
  if (size < MIN_EC_SPKI_BYTES) throw unsupportedKey("This EC key is no point on its curve.");
  sound.add(key);
}
