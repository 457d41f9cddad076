import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Every way in which the channel refuses. Local only: the wire says far less (spec §9). */
export type ChannelErrorCode =
  | "ERR_MALFORMED"
  | "ERR_VERSION"
  | "ERR_SUITE"
  | "ERR_FRAMING"
  | "ERR_MODE"
  | "ERR_AUDIENCE"
  | "ERR_CREDENTIAL_TYPE"
  | "ERR_HANDSHAKE_AUTH"
  | "ERR_SIGNATURE"
  | "ERR_FINISHED"
  | "ERR_CLIENT_AUTH_REQUIRED"
  | "ERR_PENDING_UNKNOWN"
  | "ERR_PENDING_FULL"
  | "ERR_RATE_LIMITED"
  | "ERR_RETRY_TOKEN"
  | "ERR_RETRY_LOOP"
  | "ERR_RESUMPTION"
  | "ERR_EVIDENCE_MISSING"
  | "ERR_EVIDENCE_REFUSED"
  | "ERR_EVIDENCE_UNAVAILABLE"
  | "ERR_EVIDENCE_BUSY"
  | "ERR_EXPIRED"
  | "ERR_REFUSED_BY_PEER"
  | "ERR_SESSION_UNKNOWN"
  | "ERR_SESSION_EXPIRED"
  | "ERR_SESSION_LIMIT"
  | "ERR_RECORD_AUTH"
  | "ERR_RECORD_TOO_LARGE"
  | "ERR_RECORD_TRUNCATED"
  | "ERR_RECORD_TRAILING"
  | "ERR_REPLAY"
  | "ERR_SEQUENCE"
  | "ERR_EPOCH"
  | "ERR_REKEY"
  | "ERR_HEAD"
  | "ERR_STORE"
  | "ERR_STORED_STATE"
  | "ERR_STORE_KEY";

export class ChannelError extends TrustedMcpError<ChannelErrorCode> {}

/** Runs a parser; whatever it throws becomes `code`, so that callers see one family of errors. */
export function parsing<T>(code: ChannelErrorCode, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof ChannelError) throw cause;
    throw new ChannelError(code, `${what} is malformed`, { cause });
  }
}
