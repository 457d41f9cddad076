import { generateKeyPairSync } from "node:crypto";
import type { Credential, Role } from "@trusted-mcp/channel";
import { sign, spkiOf, verify, type Key } from "@trusted-mcp/primitives/signature";
import { DELEGATED_KEY, encodeDelegatedKey } from "./credential.ts";
import { delegationMessage, encodeDelegation } from "./delegation.ts";
import { IdentityError } from "./error.ts";
import type { Signer } from "./signer/port.ts";

export interface DelegationRequest {
  readonly role: Role;
  readonly audience: string;
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
}

/** Makes a new Ed25519 key, has the identity key vouch for it, and gives the credential of both. */
export async function delegate(
  signer: Signer,
  identity: { readonly publicKey: Key; readonly spki: Uint8Array },
  request: DelegationRequest,
): Promise<Credential> {
  // A new key each time: one that leaks is worth no more than the rest of its delegation.
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const spki = spkiOf(publicKey);
  const delegationBytes = encodeDelegation({ ...request, spki });
  const message = delegationMessage(delegationBytes);
  const signature = await signer.sign(message);
  // A faulty or mixed-up signer shows here, with a name, and not as an unexplained refusal at every peer.
  if ((await verify(identity.publicKey, message, signature)) !== true) {
    throw new IdentityError(
      "ERR_SIGNER",
      "The signer's signature does not fit its public key: is it the same key?",
      {
        action: "fix",
      },
    );
  }
  return Object.freeze({
    type: DELEGATED_KEY,
    bytes: encodeDelegatedKey({ identitySpki: identity.spki, delegationBytes, signature }),
    spki,
    notAfter: request.notAfterSeconds * 1000,
    sign: (bytes: Uint8Array): Promise<Uint8Array> => sign(privateKey, bytes),
  });
}
