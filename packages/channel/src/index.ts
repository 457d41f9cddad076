export { ChannelError, type ChannelErrorCode } from "./error.ts";
export type {
  Admission,
  AppraisalResult,
  Credential,
  CredentialSource,
  CredentialVerifier,
  Evidence,
  EvidenceAppraiser,
  EvidenceProvider,
  Peer,
  PendingHandshake,
  PendingStore,
  Role,
  SharedNodes,
  StateStore,
  StoredSession,
  StoredSessionLimits,
  TicketEntry,
  TicketStore,
  VerifiedCredential,
} from "./ports.ts";
export {
  FRAMING_BINARY,
  FRAMING_JSON,
  FRAMING_LINES,
  MAX_HANDSHAKE_BYTES,
  SUITE_NAME,
  SUITE_XWING_AES256GCM_SHA384,
  VERSION_1,
} from "./suite.ts";
export { signatureInput } from "./transcript.ts";
export { initiate, initiatePipe, type Exchange, type InitiatorOptions } from "./handshake/initiator.ts";
export type { ResumptionTicket } from "./handshake/ticket.ts";
export type { HandshakeEvent } from "./handshake/handshake-event.ts";
export type { ResponderOptions } from "./handshake/responder-options.ts";
export { Responder } from "./handshake/responder.ts";
export { MemoryPendingStore } from "./handshake/pending-store.ts";
export { MemoryTicketStore } from "./handshake/ticket-store.ts";
export type { EvidenceLimitOptions } from "./handshake/evidence-queue.ts";
export { sourceKey } from "./handshake/source-key.ts";
export type { SourceLimitOptions } from "./handshake/source-limit.ts";
export { MemoryStateStore } from "./nodes/memory-state-store.ts";
export type { OpenedRecord, SharedSessions } from "./nodes/shared-sessions.ts";
export { InitiatorSession, type InitiatorExchange } from "./session/initiator-session.ts";
export { ResponderSession, type Answer, type Opened } from "./session/responder-session.ts";
export { PushSession, type Pushed } from "./session/push-session.ts";
export type { PushRecord } from "./session/push-sender.ts";
export type { SessionLimits } from "./session/session-table.ts";
export { ChunkOpener, openWhole } from "./record/chunk.ts";
export {
  encodeRefusal,
  encodeRequestHead,
  encodeResponseHead,
  KIND,
  parseRequestHead,
  parseResponseHead,
  REFUSALS,
  type HeaderFields,
  type ParsedResponse,
  type RequestHead,
  type ResponseHead,
} from "./record/head.ts";
export { parseRequestHeader, RESPONSE_HEADER_BYTES, type RequestHeader } from "./record/header.ts";
export { BINARY_MEDIA_TYPE, parseBinaryRequest } from "./framing/binary.ts";
export {
  handshakeAnswerLine,
  handshakeLine,
  LINE_REFUSED,
  MAX_LINE_CHARS,
  parseLine,
  pushLine,
  type LineFrame,
  type LineMessage,
} from "./framing/lines.ts";
export {
  encodeHandshakeRequest,
  encodeHandshakeResponse,
  encodePart,
  encodeRecordRequest,
  encodeRecordResponse,
  METHOD_HANDSHAKE,
  METHOD_RECORD,
  parseHandshakeResponse,
  parsePart,
  parseRecordResponse,
  parseRequestFrame,
  type RecordFrame,
  type RequestFrame,
} from "./framing/json.ts";
