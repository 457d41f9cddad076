import type { webcrypto } from "node:crypto";
import type { CredentialSource } from "@trusted-mcp/channel";
import { encode } from "@trusted-mcp/primitives/base64url";
import { random } from "@trusted-mcp/primitives/bytes";
import {
  algorithmOf,
  publicKeyFromSpki,
  verify,
  type SignatureAlgorithm,
} from "@trusted-mcp/primitives/signature";
import { directIdentity } from "./direct-identity.ts";
import { IdentityError } from "./error.ts";
import { keyId } from "./key-id.ts";
import { unsupported } from "./supported.ts";

/** The part of a WebCrypto `CryptoKey` that is looked at here. */
export interface WebKey {
  readonly type: "private" | "public" | "secret";
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/** A WebCrypto `CryptoKeyPair`. */
export interface WebKeyPair {
  readonly privateKey: WebKey;
  readonly publicKey: WebKey;
}

/** A client's identity whose private key lives in WebCrypto. It only signs. */
export interface WebIdentity extends CredentialSource {
  /** The public key, for the server to pin: what `--allow` and `pinnedPeers` take. */
  readonly publicKeyPem: string;
  /** base64url(SHA-256(SPKI)), 43 characters. */
  readonly keyId: string;
  readonly algorithm: SignatureAlgorithm;
}

/**
 * A new key pair that no script can read: Ed25519, or ECDSA P-256 in a browser that lacks it. Keep it in IndexedDB,
 * which stores `CryptoKey` objects as they are; the key itself never passes through the page's memory.
 *
 * @throws IdentityError ERR_KEY_UNSUPPORTED where there is no WebCrypto: browsers give it to https:// and localhost.
 */
export async function generateWebKey(): Promise<WebKeyPair> {
  const subtle = webCrypto();
  const usages: webcrypto.KeyUsage[] = ["sign", "verify"];
  try {
    return pairOf(await subtle.generateKey("Ed25519", false, usages));
  } catch {
    return pairOf(await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, usages));
  }
}

/**
 * The identity of a key pair from `generateWebKey`, or from WebCrypto's own `generateKey` with `extractable: false`.
 * It signs handshakes itself: the key is at hand, so nothing is delegated. Tried once before it is handed out.
 *
 * @throws IdentityError ERR_KEY_UNSUPPORTED for keys that scripts can read or that cannot sign here,
 * ERR_KEY_INCONSISTENT for halves that do not belong together.
 */
export async function webIdentity(pair: WebKeyPair): Promise<WebIdentity> {
  const subtle = webCrypto();
  const { privateKey, publicKey } = pair;
  if (!isCryptoKey(privateKey) || !isCryptoKey(publicKey)) throw refused("these are no WebCrypto keys");
  if (privateKey.type !== "private" || publicKey.type !== "public")
    throw refused("it takes a private and a public key");
  // A script that runs in the page for a moment could otherwise carry the identity away.
  if (privateKey.extractable)
    throw refused("scripts could read its private key: make it with extractable: false");
  const spki = new Uint8Array(await subtle.exportKey("spki", publicKey));
  const algorithm = algorithmOfSpki(spki);
  const sign = async (message: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await subtle.sign(parametersOf(algorithm), privateKey, message));
  const probe = random(32);
  const signature = await sign(probe).catch((cause: unknown) => {
    throw refused("its private key does not sign", cause);
  });
  if ((await verify(publicKeyFromSpki(spki), probe, signature)) !== true) {
    throw new IdentityError(
      "ERR_KEY_INCONSISTENT",
      "The WebCrypto key pair is damaged: its private and public halves do not belong together",
      { action: "fix" },
    );
  }
  const source = directIdentity({ algorithm, spki, sign });
  return Object.freeze({ ...source, publicKeyPem: pemOf(spki), keyId: keyId(spki), algorithm });
}

function webCrypto(): webcrypto.SubtleCrypto {
  const subtle: webcrypto.SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined)
    throw refused("there is no WebCrypto, which browsers give to https:// pages and localhost only");
  return subtle;
}

/** By name, for a useful message; that it really is one, WebCrypto checks at each use. */
function isCryptoKey(key: WebKey): key is webcrypto.CryptoKey {
  return Object.prototype.toString.call(key) === "[object CryptoKey]";
}

function pairOf(made: webcrypto.CryptoKeyPair | webcrypto.CryptoKey): WebKeyPair {
  if ("privateKey" in made) return made;
  throw refused("the browser made a single key instead of a pair");
}

/** Ed25519 and ECDSA only: what the others cost or lack is not worth it in a page. */
function algorithmOfSpki(spki: Uint8Array): SignatureAlgorithm {
  let algorithm: SignatureAlgorithm;
  try {
    algorithm = algorithmOf(publicKeyFromSpki(spki));
  } catch (cause) {
    throw unsupported("The WebCrypto key pair", cause);
  }
  if (algorithm === "rsa-pss-sha384")
    throw refused("RSA is not used in browsers: take Ed25519 or ECDSA P-256");
  return algorithm;
}

/** WebCrypto's ECDSA signatures are IEEE P1363 already. */
function parametersOf(algorithm: SignatureAlgorithm): string | webcrypto.EcdsaParams {
  if (algorithm === "ed25519") return "Ed25519";
  return { name: "ECDSA", hash: algorithm === "ecdsa-p256-sha256" ? "SHA-256" : "SHA-384" };
}

/** RFC 7468 §2, §13. */
function pemOf(spki: Uint8Array): string {
  const base64 = encode(spki).replaceAll("-", "+").replaceAll("_", "/");
  const padded = base64.padEnd(Math.ceil(base64.length / 4) * 4, "=");
  return `-----BEGIN PUBLIC KEY-----\n${padded.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PUBLIC KEY-----\n`;
}

function refused(why: string, cause?: unknown): IdentityError {
  return new IdentityError("ERR_KEY_UNSUPPORTED", `The WebCrypto key pair cannot be an identity: ${why}`, {
    action: "fix",
    ...(cause !== undefined && { cause }),
  });
}
