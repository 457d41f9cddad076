import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Everything this package refuses, by name. Messages never hold key material or passphrases. */
export type IdentityErrorCode =
  // files
  | "ERR_KEY_FILE_READ"
  | "ERR_KEY_FILE_PERMISSIONS"
  | "ERR_KEY_FILE_TOO_LARGE"
  | "ERR_KEY_FILE_FORMAT"
  | "ERR_KEY_FILE_EXISTS"
  | "ERR_KEY_FILE_WRITE"
  | "ERR_PASSPHRASE_SOURCE"
  | "ERR_PASSPHRASE_REQUIRED"
  | "ERR_PASSPHRASE_WRONG"
  | "ERR_PASSPHRASE_UNUSED"
  // keys
  | "ERR_KEY_NOT_PRIVATE"
  | "ERR_KEY_NOT_PUBLIC"
  | "ERR_KEY_UNSUPPORTED"
  | "ERR_KEY_INCONSISTENT"
  // this end's identity
  | "ERR_SIGNER"
  | "ERR_SIGNER_TIMEOUT"
  | "ERR_AUDIENCE"
  | "ERR_DELEGATION_RENEWAL"
  // the peer's credential
  | "ERR_CREDENTIAL_MALFORMED"
  | "ERR_CREDENTIAL_TYPE"
  | "ERR_DELEGATION_MALFORMED"
  | "ERR_DELEGATION_KEY"
  | "ERR_DELEGATION_SIGNATURE"
  | "ERR_DELEGATION_ROLE"
  | "ERR_DELEGATION_AUDIENCE"
  | "ERR_DELEGATION_LIFETIME"
  | "ERR_DELEGATION_NOT_YET_VALID"
  | "ERR_DELEGATION_EXPIRED"
  // whom this end trusts
  | "ERR_PEER_UNKNOWN"
  | "ERR_PEER_NAME"
  | "ERR_PEER_DUPLICATE"
  | "ERR_PEER_SPEC";

export class IdentityError extends TrustedMcpError<IdentityErrorCode> {}
