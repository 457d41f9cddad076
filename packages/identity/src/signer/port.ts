import type { SignatureAlgorithm } from "@trusted-mcp/primitives/signature";

/**
 * A long-term identity key, wherever it lives: a file now, an HSM or a key service later. It only signs;
 * nothing can be decrypted with it and the private key cannot be asked for.
 */
export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Signs the whole message (not a digest). ECDSA in IEEE P1363 form, RSA-PSS with salt = hash length. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}
