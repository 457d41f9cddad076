import type { CredentialSource } from "@trusted-mcp/channel";
import { delegatedIdentity, type DelegationOptions } from "./delegated-identity.ts";
import { directIdentity } from "./direct-identity.ts";
import type { Signer } from "./signer/port.ts";

/**
 * The right way to use a signer: RSA private operations cost milliseconds, and a server signs for strangers
 * before it knows them, so RSA keys delegate; the others sign themselves. A key service that is slow for
 * another reason, or counts calls, is better off with `delegatedIdentity`.
 */
export function identityFrom(signer: Signer, options: DelegationOptions = {}): CredentialSource {
  return signer.algorithm === "rsa-pss-sha384" ? delegatedIdentity(signer, options) : directIdentity(signer);
}
