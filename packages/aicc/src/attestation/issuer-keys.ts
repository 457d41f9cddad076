import { createPublicKey, type KeyObject } from "node:crypto";
import { AiccError } from "../error.ts";
import { isRecord } from "../volcengine/json.ts";

/** PEM text (`PUBLIC KEY`), the text of a JWK or JWK set (RFC 7517), or a key object. */
export type IssuerKeyInput = string | KeyObject;

const MIN_RSA_BITS = 2048;
const MAX_KEYS = 32;

/**
 * The keys by which the attestation service is known. They come from the operator and from nowhere else: a key
 * that travels in a token says only that whoever made the token has it.
 */
export function issuerKeys(inputs: readonly IssuerKeyInput[]): readonly KeyObject[] {
  const keys = inputs.flatMap((input) => (typeof input === "string" ? parse(input) : [input]));
  if (keys.length === 0) {
    throw refused(
      "no issuer key is pinned, so that no token can be trusted. Get the attestation service's public key from the platform, " +
        "not from a token, and configure it",
    );
  }
  if (keys.length > MAX_KEYS) throw refused(`more than ${MAX_KEYS} keys`);
  for (const key of keys) requireIssuerKey(key);
  return keys;
}

function requireIssuerKey(key: KeyObject): void {
  if (key.type !== "public") throw refused("one is not a public key; private keys stay with their owner");
  if (key.asymmetricKeyType !== "rsa") throw refused("one is not RSA, and the service signs with RS384");
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS)
    throw refused(`one has less than ${MIN_RSA_BITS} bits`);
}

function parse(text: string): KeyObject[] {
  const trimmed = text.trim();
  // Node would derive the public key from a private one; the leak would then go unseen.
  if (trimmed.includes("PRIVATE KEY-----")) throw refused("one is a PRIVATE key");
  try {
    if (!trimmed.startsWith("{")) return [createPublicKey(trimmed)];
    const json: unknown = JSON.parse(trimmed);
    const set = isRecord(json) && Array.isArray(json["keys"]) ? json["keys"] : [json];
    return set.map((jwk: unknown) => {
      if (!isRecord(jwk) || jwk["d"] !== undefined) throw new TypeError("not a public JWK");
      const { kty, n, e } = jwk;
      if (kty !== "RSA" || typeof n !== "string" || typeof e !== "string")
        throw new TypeError("not an RSA JWK");
      return createPublicKey({ key: { kty, n, e }, format: "jwk" });
    });
  } catch (cause) {
    throw refused("one is neither a PEM public key nor a JWK set of RSA keys", cause);
  }
}

function refused(why: string, cause?: unknown): AiccError {
  return new AiccError("ERR_ISSUER_KEYS", `The attestation issuer's keys cannot be used: ${why}`, {
    action: "fix",
    cause,
  });
}
