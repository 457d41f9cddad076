import { constants, publicEncrypt, type KeyObject } from "node:crypto";
import { spkiOf } from "@trusted-mcp/primitives/signature";
import { sha256 } from "@trusted-mcp/primitives/hash";
import { AiccError } from "../error.ts";

/**
 * SHA-256 of the SPKI of the demonstration key in the Python SDK's repository, whose private half is
 * published there: whoever uses it speaks in the clear.
 */
const PUBLISHED_KEY = "8c66de3e377c7580046b2fd44526e4508c5510fe444ef8bbc46c930357a479b1";

/** @throws AiccError ERR_SERVER_KEY for anything that cannot keep a message secret. */
export function requireRsaKey(publicKey: KeyObject): void {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (publicKey.asymmetricKeyType !== "rsa" || bits < 2048 || bits > 8192) {
    throw unusable("AICC/0.1 needs an RSA key of 2048 to 8192 bits (its own tools make 4096)");
  }
  if (Buffer.from(sha256(spkiOf(publicKey))).toString("hex") === PUBLISHED_KEY) {
    throw unusable(
      "this is the demonstration key of the Python SDK's repository, whose private half anybody can download. Make your own: openssl genrsa -out myPrivateKey.pem 4096",
    );
  }
}

function unusable(why: string): AiccError {
  return new AiccError("ERR_SERVER_KEY", `The server's key cannot be used: ${why}`, { action: "fix" });
}

/** RSA-OAEP (RFC 8017 §7.1), SHA-256 for both hash and MGF1, no label. 50 µs: the public half is cheap. */
export function wrapKey(publicKey: KeyObject, key: Uint8Array): Uint8Array {
  return publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" },
    key,
  );
}
