import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Everything this package refuses, by name. Messages never hold keys, tokens, access keys or plaintext. */
export type AiccErrorCode =
  // messages on the wire
  | "ERR_ENVELOPE"
  | "ERR_OPEN"
  | "ERR_REPLAY"
  | "ERR_STREAM"
  | "ERR_SERVER_KEY"
  // server half
  | "ERR_PLAINTEXT_REFUSED"
  | "ERR_BUSY"
  // client half
  | "ERR_NOT_OFFERED"
  | "ERR_PLAINTEXT_ANSWER"
  | "ERR_REDIRECT"
  | "ERR_UNREACHABLE"
  | "ERR_OUTCOME_UNKNOWN"
  | "ERR_RESPONSE_TOO_LARGE"
  | "ERR_REQUEST_UNSUPPORTED"
  // configuration of the Python SDK
  | "ERR_CONFIG_FILE"
  | "ERR_CONFIG_FIELD"
  | "ERR_CONFIG_UNSAFE"
  // services of the platform
  | "ERR_SERVICE_URL"
  | "ERR_SERVICE_UNREACHABLE"
  | "ERR_SERVICE_TIMEOUT"
  | "ERR_SERVICE_PIN"
  | "ERR_SERVICE_REDIRECT"
  | "ERR_SERVICE_REFUSED"
  | "ERR_SERVICE_ANSWER"
  // remote attestation
  | "ERR_ISSUER_KEYS"
  | "ERR_ATTESTATION_TOKEN"
  | "ERR_ATTESTATION_TIME"
  | "ERR_ATTESTATION_NODES"
  | "ERR_ATTESTATION_PROOF"
  | "ERR_ATTESTATION_REPORT_DATA"
  | "ERR_ATTESTATION_POLICY"
  | "ERR_ATTESTATION_KEY"
  | "ERR_ATTESTATION_EVIDENCE"
  | "ERR_ATTESTATION_EXPIRED"
  // key service
  | "ERR_KEY_SERVICE_KEY"
  | "ERR_KEY_SERVICE_OPERATION"
  // helpers
  | "ERR_HELPER_KEY"
  | "ERR_HELPER_METADATA"
  | "ERR_HELPER_FILE"
  | "ERR_HELPER_TEXT"
  | "ERR_HELPER_OPEN";

export class AiccError extends TrustedMcpError<AiccErrorCode> {}
