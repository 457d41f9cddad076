import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { keyId, toPublicKey } from "@trusted-mcp/identity";
import { algorithmOf, spkiOf } from "@trusted-mcp/primitives/signature";
import { AiccError, type AiccErrorCode } from "../error.ts";

/** The key pair that the Python SDK's repository publishes as its default: everybody has the private half. */
const PUBLISHED_KEY_ID = "jGbePjd8dYAEay_URSbkUIxVEP5ETvi7xGyTA1ekebE";

/** An RSA public key of 3072 to 8192 bits from PEM text; anything else fails with `code`. */
export function rsaPublicKey(pem: string, what: string, code: AiccErrorCode): KeyObject {
  let key: KeyObject;
  try {
    key = toPublicKey(pem, what);
  } catch (cause) {
    throw new AiccError(code, `${what} is not a public key that can be used`, { cause });
  }
  return requireRsa(key, what, code);
}

/** PKCS#8 or PKCS#1 PEM, not encrypted, as the key service hands it out. The caller wipes `pem`. */
export function rsaPrivateKey(pem: Uint8Array, what: string, code: AiccErrorCode): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(pem.buffer, pem.byteOffset, pem.length), format: "pem" });
  } catch {
    // No cause: what OpenSSL says about a private key stays here.
    throw new AiccError(code, `${what} is not a private key in PEM form`);
  }
  return requireRsa(key, what, code);
}

/** AICC/0.1 works with RSA alone. Weak keys are refused, and the key that everybody has. */
export function requireRsa(key: KeyObject, what: string, code: AiccErrorCode): KeyObject {
  let algorithm: string | undefined;
  try {
    algorithm = algorithmOf(key);
  } catch (cause) {
    throw new AiccError(code, `${what} is too weak or of an unsupported kind`, { action: "fix", cause });
  }
  if (algorithm !== "rsa-pss-sha384") throw new AiccError(code, `${what} is not RSA`, { action: "fix" });
  if (keyId(spkiOf(key.type === "private" ? createPublicKey(key) : key)) === PUBLISHED_KEY_ID) {
    throw new AiccError(
      code,
      `${what} is the example key that the Python SDK's repository publishes: everybody has its private half. Make a new one`,
      { action: "fix" },
    );
  }
  return key;
}
