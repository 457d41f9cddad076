import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Refusals of the MCP binding; the channel's own come as ChannelError, those about bodies as HttpError, the key's as IdentityError. */
export type SdkErrorCode =
  | "ERR_NOT_TRUSTED"
  | "ERR_OUTER_RESPONSE"
  | "ERR_OUTCOME_UNKNOWN"
  | "ERR_REDIRECT"
  | "ERR_UNREACHABLE"
  | "ERR_HANDSHAKE_TIMEOUT"
  | "ERR_REQUEST_REFUSED"
  | "ERR_REQUEST_UNSUPPORTED"
  | "ERR_RESPONSE_TOO_LARGE"
  | "ERR_BUSY"
  | "ERR_PLAINTEXT_REFUSED"
  | "ERR_ORIGIN_REFUSED"
  | "ERR_CONFIGURATION"
  | "ERR_CLOSED"
  | "ERR_PIPE_CUT"
  | "ERR_BACKLOG"
  | "ERR_RENEWAL"
  | "ERR_PEER_CHANGED";

export class TrustedSdkError extends TrustedMcpError<SdkErrorCode> {}
