import { createHash, type KeyObject } from "node:crypto";
import { SignJWT, type JWTPayload } from "jose";

export const ISSUER = "Bytedance-Remote-Attestation-Service";

/** The service behind GetAttestationBackend, as far as it is documented: makes tokens, evidence and key infos. */
export interface TokenOptions {
  readonly key: KeyObject;
  readonly now: number;
  readonly alg?: string;
  readonly header?: Record<string, unknown>;
  readonly claims?: JWTPayload;
  /** Claims to leave out. */
  readonly without?: readonly string[];
}

export async function token(reportData: string, policies: unknown, options: TokenOptions): Promise<string> {
  const seconds = Math.floor(options.now / 1000);
  const claims: JWTPayload = {
    iss: ISSUER,
    iat: seconds,
    nbf: seconds,
    exp: seconds + 7200,
    tdx: { report_data: reportData },
    policies_matched: policies,
    ...options.claims,
  };
  for (const name of options.without ?? []) delete claims[name];
  return new SignJWT(claims)
    .setProtectedHeader({ alg: options.alg ?? "RS384", typ: "JWT", ...options.header })
    .sign(options.key);
}

export function reportDataFor(nonce: unknown, publicKeyPem?: string): string {
  const hex = (text: string): string => createHash("sha256").update(text).digest("hex");
  return hex(String(nonce)) + (publicKeyPem === undefined ? "0".repeat(64) : hex(publicKeyPem));
}

const h512 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** A tree of two leaves: ours and a stranger's. */
export function merkle(
  text: string,
  algorithm = "sha512",
): { readonly root: string; readonly proof: unknown } {
  const leaf = h512(Uint8Array.of(0), Buffer.from(text));
  const sibling = h512(Uint8Array.of(0), Buffer.from("another pod"));
  return {
    root: h512(Uint8Array.of(1), leaf, sibling).toString("hex"),
    proof: {
      metadata: { algorithm, security: true, size: 2 },
      rule: [0, 0],
      subset: [],
      path: [leaf.toString("hex"), sibling.toString("hex")],
    },
  };
}
