import { toPublicKey } from "#public-key";
import { spkiOf, type Key } from "@trusted-mcp/primitives/signature";
import { IdentityError } from "../error.ts";
import { requireSupported } from "../supported.ts";
import type { Signer } from "./port.ts";

/** The signer's public key, in the form that peers pin. A signer may be anybody's code: what it says is checked. */
export function signerKey(signer: Signer): { readonly publicKey: Key; readonly spki: Uint8Array } {
  const publicKey = toPublicKey(signer.spki, "The signer's public key");
  const algorithm = requireSupported(publicKey, "The signer's public key");
  if (algorithm !== signer.algorithm) {
    throw new IdentityError(
      "ERR_SIGNER",
      `The signer says ${signer.algorithm}, but its key is for ${algorithm}`,
      {
        action: "fix",
      },
    );
  }
  return { publicKey, spki: spkiOf(publicKey) };
}
