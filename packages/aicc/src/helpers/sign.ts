import { constants, sign, verify, type KeyObject } from "node:crypto";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { requireRsa } from "../config/rsa-key.ts";
import { AiccError } from "../error.ts";

const HASH_BYTES = 32;

/** RSA-PSS (RFC 8017 §8.1) with SHA-256, MGF1-SHA-256 and the longest salt, as base64. Off the event loop. */
export async function signMessage(privateKey: KeyObject, message: string | Uint8Array): Promise<string> {
  requireRsa(privateKey, "The signing key", "ERR_HELPER_KEY");
  if (privateKey.type !== "private")
    throw new AiccError("ERR_HELPER_KEY", "Only a private key can sign", { action: "fix" });
  const bytes = bytesOf(message);
  if (bytes.length === 0)
    throw new AiccError("ERR_HELPER_TEXT", "An empty message cannot be signed", { action: "fix" });
  return new Promise((resolve, reject) => {
    sign("sha256", bytes, { key: privateKey, ...pss(privateKey) }, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString("base64"));
    });
  });
}

/** False for every signature that is not valid. Only the longest salt is accepted, as the Python SDK does. */
export function verifyMessage(
  publicKey: KeyObject,
  message: string | Uint8Array,
  signature: string,
): boolean {
  requireRsa(publicKey, "The verifying key", "ERR_HELPER_KEY");
  const bytes = bytesOf(message);
  const raw = Buffer.from(signature, "base64");
  if (bytes.length === 0 || raw.toString("base64") !== signature) return false;
  return verify("sha256", bytes, { key: publicKey, ...pss(publicKey) }, raw);
}

/** RFC 8017 §9.1.1: the encoded message has modBits - 1 bits, and holds salt, hash and two bytes. */
function pss(key: KeyObject): { readonly padding: number; readonly saltLength: number } {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Math.ceil((bits - 1) / 8) - HASH_BYTES - 2 };
}

const bytesOf = (message: string | Uint8Array): Uint8Array =>
  typeof message === "string" ? utf8(message) : message;
