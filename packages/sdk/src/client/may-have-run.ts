import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Codes that only come up before a request was sent, or with the server's own word that it never runs. */
const DID_NOT_RUN = new Set([
  "ERR_UNREACHABLE",
  "ERR_NOT_TRUSTED",
  "ERR_HANDSHAKE_TIMEOUT",
  "ERR_REQUEST_REFUSED",
  "ERR_REQUEST_UNSUPPORTED",
  "ERR_PLAINTEXT_REFUSED",
  "ERR_CONFIGURATION",
  "ERR_REFUSED_BY_PEER",
  "ERR_PEER_UNKNOWN",
  "ERR_SIGNATURE",
  "ERR_FINISHED",
  "ERR_HANDSHAKE_AUTH",
  "ERR_RETRY_LOOP",
  "ERR_EVIDENCE_MISSING",
  "ERR_EVIDENCE_REFUSED",
]);

/**
 * Whether the request of a call that failed with `error` may have run on the server. False only where that is
 * certain: then it can be sent again. Everything else, errors of other libraries included, gives true. Requests
 * that change nothing when they run twice (listing, reading) are sent again by this package itself, on a new session;
 * of them false says no more than that sending them again is safe. `tools/call` is never one of these.
 */
export function mayHaveRun(error: unknown): boolean {
  return !(error instanceof TrustedMcpError && DID_NOT_RUN.has(String(error.code)));
}
