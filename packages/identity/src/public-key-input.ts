import type { Key } from "@trusted-mcp/primitives/signature";

/** A public key as callers have it: PEM text, DER SubjectPublicKeyInfo, or a `KeyObject` on Node. */
export type PublicKeyInput = string | Uint8Array | Key;

/** A key file, or a PEM text, of more than this is none. */
export const MAX_PEM_CHARACTERS: number = 64 * 1024;
