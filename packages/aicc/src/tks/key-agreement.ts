import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { concat, random, wipe } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_PEM_LENGTH = 4096;
const CURVE = "secp384r1";

export interface AgreementShare {
  readonly privateKey: KeyObject;
  /** base64 of the public key's SPKI PEM, as the key service exchanges it. */
  readonly publicShare: string;
}

/** A fresh P-384 key pair for one exchange. */
export async function newShare(): Promise<AgreementShare> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-384" });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  return { privateKey, publicShare: Buffer.from(pem).toString("base64") };
}

/** ECDH, then HKDF-SHA256 (RFC 5869) without salt and info. Another curve, or no point of it, is refused. */
export function agreedKey(privateKey: KeyObject, peerShare: string): Uint8Array {
  const shared = diffieHellman({ privateKey, publicKey: peerKey(peerShare) });
  try {
    return keyFromShared(shared);
  } finally {
    wipe(shared);
  }
}

export function keyFromShared(shared: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", shared, new Uint8Array(0), new Uint8Array(0), 32));
}

/** iv(12) ‖ ciphertext ‖ tag(16), AES-256-GCM. */
export function sealKey(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  return concat(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** Nothing is returned before the tag was checked. */
export function openKey(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw badKey("The wrapped key is too short");
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return concat(plaintext, decipher.final());
  } catch {
    throw badKey("The wrapped key does not open: it was changed on the way, or the exchange was");
  } finally {
    wipe(plaintext);
  }
}

function peerKey(share: string): KeyObject {
  const pem = Buffer.from(share, "base64").toString("latin1");
  // Node would take a private key here, and derive.
  if (share.length > MAX_PEM_LENGTH || !pem.startsWith("-----BEGIN PUBLIC KEY-----"))
    throw badKey("The key service's share is no public key");
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw badKey("The key service's share is no valid public key", cause);
  }
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== CURVE)
    throw badKey("The key service's share is not on P-384");
  return key;
}

export function badKey(message: string, cause?: unknown): AiccError {
  return new AiccError("ERR_KEY_SERVICE_KEY", message, { cause });
}
