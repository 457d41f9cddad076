import type { webcrypto } from "node:crypto";
import { unsupportedKey } from "../key.ts";

type SubtleCrypto = webcrypto.SubtleCrypto;

/** RFC 8017 §9.1: the salt is as long as the hash. */
const PSS = { name: "RSA-PSS", saltLength: 48 } as const;

/**
 * RSASSA-PSS verification by WebCrypto, which is asynchronous: no audited synchronous library of ours has it.
 * It takes whole bytes of the SubjectPublicKeyInfo that was checked before.
 */
export function rsaVerifier(
  spki: Uint8Array,
): (message: Uint8Array, signature: Uint8Array) => Promise<boolean> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined) {
    throw unsupportedKey(
      "RSA keys need WebCrypto, which browsers give to https:// pages and localhost only.",
    );
  }
  return async (message, signature) => {
    try {
      const key = await subtle.importKey("spki", spki, { name: "RSA-PSS", hash: "SHA-384" }, false, [
        "verify",
      ]);
      return await subtle.verify(PSS, key, signature, message);
    } catch {
      return false;
    }
  };
}
