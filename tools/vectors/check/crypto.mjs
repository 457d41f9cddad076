// Primitives and key schedule of the specification §2 and §4.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  constants,
  diffieHellman,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { ascii, cat, refuse, same, u8, vec32, vec8 } from "./bytes.mjs";

const digest = (name, bytes) => createHash(name).update(bytes).digest();
export const sha256 = (bytes) => digest("sha256", bytes);
export const sha384 = (bytes) => digest("sha384", bytes);
export const sha512 = (bytes) => digest("sha512", bytes);
export const hmac = (key, bytes) => createHmac("sha384", key).update(bytes).digest();

/** §4.1 */
export const items = (list) => cat(...list.map((item) => (item === null ? u8(0) : cat(u8(1), vec32(item)))));
export const hashItems = (...list) => sha384(items(list));

/** §4.2: one block of RFC 5869 §2.3. */
function expandTo(length, secret, label, list) {
  const info = cat(vec8(ascii(`trusted-mcp/1 ${label}`)), items(list));
  return hmac(secret, cat(info, u8(1))).subarray(0, length);
}
export const expand = (secret, label, ...list) => expandTo(48, secret, label, list);
export function trafficKey(secret, label, ...list) {
  const block = expandTo(44, secret, label, list);
  return { key: block.subarray(0, 32), iv: block.subarray(32), block };
}

/** §4.3 */
export const Z = Buffer.alloc(48);
export const earlySecret = (psk) => hmac(Z, psk ?? Z);
export const handshakeSecret = (es, shared) => hmac(expand(es, "derived"), shared);
export const masterSecret = (hs) => hmac(expand(hs, "derived"), Z);
export const applicationRoot = (ms, th4, evidence) => expand(ms, "app", hashItems(th4, evidence));
export const nextRoot = (root, shared, exchange) => expand(hmac(expand(root, "rekey"), shared), "app", exchange);

/** §4.4 */
export const signatureInput = (role, th) =>
  cat(Buffer.alloc(64, 0x20), ascii(`trusted-mcp/1 ${role} signature`), u8(0), th);
export const finished = (hs, role, th0, before) => hmac(expand(hs, `fin ${role}`, th0), before);
export const pskBinder = (es, core) => hmac(expand(es, "binder"), hashItems(core));

/** §7.2 */
export function reportData({ role, binder, signingSpki, own, peer, audience }) {
  const plain = (value) => (value === null ? null : sha384(value));
  return sha512(
    items([
      ascii("trusted-mcp/1 evidence"),
      cat(u8(role === "client" ? 1 : 2), u8(1)),
      binder,
      plain(signingSpki),
      plain(own),
      plain(peer),
      Buffer.from(audience, "utf8"),
    ]),
  );
}

export function seal({ key, iv }, aad, plaintext) {
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aad);
  return cat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

export function open({ key, iv }, aad, sealed, reason) {
  if (sealed.length < 16) refuse(reason);
  const decipher = createDecipheriv("aes-256-gcm", key, iv);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - 16));
  try {
    return cat(decipher.update(sealed.subarray(0, sealed.length - 16)), decipher.final());
  } catch {
    return refuse(reason);
  }
}

const X25519_PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
const der = (key, type) => ({ key, format: "der", type });
const xPrivate = (scalar) => createPrivateKey(der(cat(X25519_PKCS8, scalar), "pkcs8"));
const xPublic = (key) => createPublicKey(key).export({ format: "der", type: "spki" }).subarray(12);

/** OpenSSL throws on an all-zero result, which §2.3 wants refused. */
function x25519(privateKey, share) {
  try {
    return diffieHellman({ privateKey, publicKey: createPublicKey(der(cat(X25519_SPKI, share), "spki")) });
  } catch {
    return refuse("ERR_MALFORMED");
  }
}

const combine = (m, x, share, key) =>
  digest("sha3-256", cat(m, x, share, key, Buffer.from("5c2e2f2f5e5c", "hex")));

/** §2.3 with the draft's §5.2. */
export function kemKeyPair(seed) {
  const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  const m = ml_kem768.keygen(expanded.subarray(0, 64));
  const x = xPrivate(expanded.subarray(64));
  const share = xPublic(x);
  return {
    publicKey: cat(m.publicKey, share),
    decapsulate(ciphertext) {
      const theirs = ciphertext.subarray(1088);
      const secret = x25519(x, theirs);
      return combine(ml_kem768.decapsulate(ciphertext.subarray(0, 1088), m.secretKey), secret, theirs, share);
    },
  };
}

/** The draft's §5.4.1. */
export function encapsulate(publicKey, seed) {
  const ephemeral = xPrivate(seed.subarray(32));
  const share = xPublic(ephemeral);
  const theirs = publicKey.subarray(1184);
  const secret = x25519(ephemeral, theirs);
  let m;
  try {
    m = ml_kem768.encapsulate(publicKey.subarray(0, 1184), seed.subarray(0, 32));
  } catch {
    refuse("ERR_MALFORMED");
  }
  return { ciphertext: cat(m.cipherText, share), shared: combine(m.sharedSecret, secret, share, theirs) };
}

export const signEd25519 = (seed, message) =>
  nodeSign(null, message, createPrivateKey(der(cat(ED25519_PKCS8, seed), "pkcs8")));

const SMALL_ORDER = [
  0n,
  1n,
  2n ** 255n - 20n,
  2n ** 255n - 19n - 55188659117513257062467267217118295137698188065244968500265048394206261417927n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

/** §2.4: the key object of an acceptable key, or null. */
export function acceptableKey(spki) {
  if (spki.length > 2048) return null;
  let key;
  try {
    key = createPublicKey(der(Buffer.from(spki), "spki"));
  } catch {
    return null;
  }
  if (!same(key.export({ format: "der", type: "spki" }), spki)) return null;
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case "ed25519": {
      const point = Buffer.from(spki.subarray(12)).reverse();
      const y = BigInt(`0x${point.toString("hex")}`) & (2n ** 255n - 1n);
      return y >= 2n ** 255n - 19n || SMALL_ORDER.includes(y) ? null : key;
    }
    case "ec":
      return namedCurve === "prime256v1" || namedCurve === "secp384r1" ? key : null;
    case "rsa": {
      const ok = modulusLength >= 3072 && modulusLength <= 8192 && publicExponent % 2n === 1n;
      return ok && publicExponent >= 65_537n && publicExponent < 2n ** 64n ? key : null;
    }
    default:
      return null;
  }
}

export function verifySignature(spki, message, signature) {
  const key = acceptableKey(spki);
  if (key === null) return false;
  if (key.asymmetricKeyType === "ed25519") return nodeVerify(null, message, key, signature);
  if (key.asymmetricKeyType === "rsa") {
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
    return nodeVerify("sha384", message, pss, signature);
  }
  const p256 = key.asymmetricKeyDetails.namedCurve === "prime256v1";
  if (signature.length !== (p256 ? 64 : 96)) return false;
  return nodeVerify(p256 ? "sha256" : "sha384", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

export const keyId = (spki) => sha256(spki).toString("base64url");
