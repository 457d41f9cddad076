import { p256, p384 } from "@noble/curves/nist.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { isWeakEd25519Point } from "../ed25519-point.ts";
import { checkRsa, MAX_SPKI_BYTES, spkiError, unsupportedKey, type Key } from "../key.ts";
import {
  BIT_STRING,
  expectDer,
  OBJECT_IDENTIFIER,
  onlyDer,
  positiveInteger,
  readDer,
  SEQUENCE,
} from "./der.ts";
import { makeKey, partsOf, type WebPublicKey } from "./key.ts";
import { rsaVerifier } from "./rsa.ts";

// DER up to the raw key (RFC 8410 §4; RFC 5480 §2 with the named curve and the 04 of an uncompressed point).
const ED25519_PREFIX = "302a300506032b6570032100";
const P256_PREFIX = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const P384_PREFIX = "3076301006072a8648ce3d020106052b8104002203620004";
/** SEQUENCE of rsaEncryption and NULL (RFC 3279 §2.3.1). */
const RSA_ALGORITHM = "300d06092a864886f70d0101010500";
/** id-ecPublicKey; on other curves than ours it deserves a better answer than “malformed”. */
const OID_EC = "2a8648ce3d0201";
const OUR_CURVES = new Set(["06082a8648ce3d030107", "06052b81040022"]);
const OID_RSA = "2a864886f70d010101";
const OID_ED25519 = "2b6570";

/**
 * A key that can verify, from DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in its one canonical encoding: one key,
 * one encoding, one hash. Throws ERR_SPKI or ERR_KEY_UNSUPPORTED.
 */
export function publicKeyFromSpki(der: Uint8Array): WebPublicKey {
  if (der.length > MAX_SPKI_BYTES) throw spkiError(`A public key is limited to ${MAX_SPKI_BYTES} bytes.`);
  // A private copy: writing into the given bytes later cannot change what was checked.
  const spki = Uint8Array.from(der);
  const text = hex(spki.subarray(0, 32));
  if (spki.length === 44 && text.startsWith(ED25519_PREFIX)) return fromEd25519(spki);
  if (spki.length === 91 && text.startsWith(P256_PREFIX)) return fromPoint(spki, "ecdsa-p256-sha256");
  if (spki.length === 120 && text.startsWith(P384_PREFIX)) return fromPoint(spki, "ecdsa-p384-sha384");
  return fromDer(spki);
}

/** DER SubjectPublicKeyInfo of a public key. */
export function spkiOf(key: Key): Uint8Array {
  return partsOf(key).spki.slice();
}

function fromEd25519(spki: Uint8Array): WebPublicKey {
  const point = spki.slice(-32);
  if (isWeakEd25519Point(point)) {
    throw spkiError("The Ed25519 public key is of small order or not canonical.");
  }
  return makeKey("ed25519", {
    spki,
    // RFC 8032 §5.1.7, not the laxer rules of ZIP 215.
    verify: (message, signature) =>
      signature.length === 64 && ed25519.verify(signature, message, point, { zip215: false }),
  });
}

function fromPoint(spki: Uint8Array, algorithm: "ecdsa-p256-sha256" | "ecdsa-p384-sha384"): WebPublicKey {
  const curve = algorithm === "ecdsa-p256-sha256" ? p256 : p384;
  const size = algorithm === "ecdsa-p256-sha256" ? 64 : 96;
  // 04 and both coordinates.
  const point = spki.slice(-(size + 1));
  try {
    curve.Point.fromBytes(point).assertValidity();
  } catch (cause) {
    throw spkiError("The public key is not a point on its curve.", cause);
  }
  return makeKey(algorithm, {
    spki,
    // FIPS 186-5 §6.4.2 takes both values of s; the transcript holds the signature, so nobody gains by changing it.
    verify: (message, signature) =>
      signature.length === size &&
      curve.verify(signature, message, point, { lowS: false, format: "compact", prehash: true }),
  });
}

/** RSA, and whatever deserves a better answer than “malformed”. */
function fromDer(spki: Uint8Array): WebPublicKey {
  const { content: algorithm, rest } = expectDer(onlyDer(spki, SEQUENCE), SEQUENCE);
  const oid = expectDer(algorithm, OBJECT_IDENTIFIER);
  const bits = onlyDer(rest, BIT_STRING);
  // RFC 5280 §4.1.2.7: whole bytes, so no unused bits.
  if (bits.length < 2 || bits[0] !== 0) throw spkiError("The public key is no string of whole bytes.");
  const name = hex(oid.content);
  if (name === OID_RSA && hex(algorithm) === RSA_ALGORITHM.slice(4)) return fromRsa(spki, bits.subarray(1));
  if (name === OID_EC && !OUR_CURVES.has(hex(oid.rest)) && readDer(oid.rest).tag === OBJECT_IDENTIFIER) {
    throw unsupportedKey("EC keys on this curve are not accepted.");
  }
  if (name !== OID_RSA && name !== OID_EC && name !== OID_ED25519) {
    throw unsupportedKey("Keys of this type cannot sign here.");
  }
  throw spkiError("The public key is not in its one canonical DER encoding.");
}

/** RFC 8017 A.1.1: SEQUENCE of modulus and exponent. */
function fromRsa(spki: Uint8Array, pkcs1: Uint8Array): WebPublicKey {
  const modulus = positiveInteger(onlyDer(pkcs1, SEQUENCE));
  const exponent = positiveInteger(modulus.rest);
  if (exponent.rest.length > 0) throw spkiError("Bytes follow the RSA exponent.");
  checkRsa(modulus.bits, exponent.value);
  return makeKey("rsa-pss-sha384", { spki, verify: rsaVerifier(spki) });
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
