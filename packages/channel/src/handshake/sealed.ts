import { Reader, Writer, utf8 } from "@trusted-mcp/primitives/bytes";
import { ChannelError, parsing } from "../error.ts";
import type { Evidence } from "../ports.ts";
import {
  HASH_BYTES,
  ID_BYTES,
  MAX_CREDENTIAL_BYTES,
  MAX_EVIDENCE_BYTES,
  MAX_SIGNATURE_BYTES,
} from "../suite.ts";
import {
  flag,
  readEvidenceRequest,
  readEvidenceType,
  writeEvidenceRequest,
  type EvidenceRequest,
} from "./message.ts";

/** S1 and F2 hide which credential they carry, and whether one: all usual ones fill one block. */
const AUTHENTICATION_BLOCK = 2048;
const BLOCK = 256;

/** The server's parameters, sealed in S1 and covered by its signature (spec §3.3). */
export interface ServerParams {
  /** Every version and suite the server speaks: exposes a downgraded choice. */
  readonly versions: readonly number[];
  readonly suites: readonly number[];
  readonly clientAuth: "required" | "optional";
  readonly credentialTypes: readonly number[];
  readonly evidenceRequest: EvidenceRequest | null;
}

export interface Authentication {
  readonly credential: Uint8Array | null;
  readonly signature: Uint8Array | null;
  readonly finished: Uint8Array;
}

/** What S2 hands to the client once both are authenticated. */
export interface Grant {
  /** 16 bytes. */
  readonly sessionId: Uint8Array;
  /** Seconds from now until the session ends. */
  readonly lifetimeSeconds: number;
  /** Seconds without a record after which the server may forget the session. */
  readonly idleSeconds: number;
  /** Largest message content, in bytes, that the server accepts. */
  readonly maxMessageBytes: number;
  readonly ticketId: Uint8Array | null;
  /** True when the server waits for F3 before it accepts records. */
  readonly evidenceWanted: boolean;
  readonly evidence: Evidence | null;
}

function writeOptional(writer: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) writer.u8(0);
  else writer.u8(1).vec16(bytes);
}

function readOptional(reader: Reader, max: number): Uint8Array | null {
  return flag(reader) ? reader.vec16(max) : null;
}

export function encodeParams(params: ServerParams): Uint8Array {
  const writer = new Writer().u8(params.versions.length);
  for (const version of params.versions) writer.u16(version);
  writer.u8(params.suites.length);
  for (const suite of params.suites) writer.u16(suite);
  writer.u8(params.clientAuth === "required" ? 1 : 0).vec8(Uint8Array.from(params.credentialTypes));
  writeEvidenceRequest(writer, params.evidenceRequest);
  return writer.finish();
}

export function parseParams(bytes: Uint8Array): ServerParams {
  return parsing("ERR_MALFORMED", "The server's parameters", () => {
    const reader = new Reader(bytes);
    const versions = Array.from({ length: reader.u8() }, () => reader.u16());
    const suites = Array.from({ length: reader.u8() }, () => reader.u16());
    const clientAuth = flag(reader) ? "required" : "optional";
    const credentialTypes = [...reader.vec8(16)];
    const evidenceRequest = readEvidenceRequest(reader);
    reader.end();
    return Object.freeze({ versions, suites, clientAuth, credentialTypes, evidenceRequest });
  });
}

/** S1 plaintext: vec16 params ‖ credential ‖ signature ‖ Fin_s ‖ padding. */
export function encodeServerSealed(params: Uint8Array, auth: Authentication): Uint8Array {
  return pad(new Writer().vec16(params).raw(encodeAuthentication(auth)).finish(), AUTHENTICATION_BLOCK);
}

export function parseServerSealed(bytes: Uint8Array): { params: Uint8Array; auth: Authentication } {
  return parsing("ERR_MALFORMED", "S1's sealed part", () => {
    const reader = new Reader(unpad(bytes, AUTHENTICATION_BLOCK));
    const params = reader.vec16();
    const auth = readAuthentication(reader);
    reader.end();
    return { params, auth };
  });
}

/** F2 plaintext: credential ‖ signature ‖ Fin_c ‖ padding. */
export function encodeClientSealed(auth: Authentication): Uint8Array {
  return pad(encodeAuthentication(auth), AUTHENTICATION_BLOCK);
}

export function parseClientSealed(bytes: Uint8Array): Authentication {
  return parsing("ERR_MALFORMED", "F2's sealed part", () => {
    const reader = new Reader(unpad(bytes, AUTHENTICATION_BLOCK));
    const auth = readAuthentication(reader);
    reader.end();
    return auth;
  });
}

function encodeAuthentication(auth: Authentication): Uint8Array {
  const writer = new Writer();
  writeOptional(writer, auth.credential);
  writeOptional(writer, auth.signature);
  return writer.raw(auth.finished).finish();
}

function readAuthentication(reader: Reader): Authentication {
  const credential = readOptional(reader, MAX_CREDENTIAL_BYTES);
  const signature = readOptional(reader, MAX_SIGNATURE_BYTES);
  if ((credential === null) !== (signature === null)) {
    throw new ChannelError("ERR_MALFORMED", "A credential and its signature must come together");
  }
  return { credential, signature, finished: reader.raw(HASH_BYTES) };
}

export function encodeGrant(grant: Grant): Uint8Array {
  const writer = new Writer()
    .raw(grant.sessionId)
    .u32(grant.lifetimeSeconds)
    .u32(grant.idleSeconds)
    .u32(grant.maxMessageBytes);
  if (grant.ticketId === null) writer.u8(0);
  else writer.u8(1).raw(grant.ticketId);
  writer.u8(grant.evidenceWanted ? 1 : 0).raw(encodeEvidence(grant.evidence));
  return pad(writer.finish(), BLOCK);
}

export function parseGrant(bytes: Uint8Array): Grant {
  return parsing("ERR_MALFORMED", "S2's sealed part", () => {
    const reader = new Reader(unpad(bytes, BLOCK));
    const sessionId = reader.raw(ID_BYTES);
    const lifetimeSeconds = reader.u32();
    const idleSeconds = reader.u32();
    const maxMessageBytes = reader.u32();
    const ticketId = flag(reader) ? reader.raw(ID_BYTES) : null;
    const evidenceWanted = flag(reader);
    const evidence = readEvidence(reader);
    reader.end();
    return Object.freeze({
      sessionId,
      lifetimeSeconds,
      idleSeconds,
      maxMessageBytes,
      ticketId,
      evidenceWanted,
      evidence,
    });
  });
}

/** S3 plaintext: seconds until the session ends; evidence may have shortened what S2 said. */
export function encodeAcceptance(lifetimeSeconds: number): Uint8Array {
  return new Writer().u32(lifetimeSeconds).finish();
}

export function parseAcceptance(bytes: Uint8Array): number {
  return parsing("ERR_MALFORMED", "S3's sealed part", () => {
    const reader = new Reader(bytes);
    const lifetimeSeconds = reader.u32();
    reader.end();
    return lifetimeSeconds;
  });
}

/** F3 plaintext: evidence ‖ padding. */
export function encodeEvidenceSealed(evidence: Evidence | null): Uint8Array {
  return pad(encodeEvidence(evidence), BLOCK);
}

export function parseEvidenceSealed(bytes: Uint8Array): Evidence | null {
  return parsing("ERR_MALFORMED", "F3's sealed part", () => {
    const reader = new Reader(unpad(bytes, BLOCK));
    const evidence = readEvidence(reader);
    reader.end();
    return evidence;
  });
}

/** The item under which evidence enters the transcript: vec8 type ‖ vec24 bytes. */
export function evidenceItem(evidence: Evidence | null): Uint8Array | null {
  if (evidence === null) return null;
  return new Writer().vec8(utf8(evidence.type)).vec24(evidence.bytes).finish();
}

function encodeEvidence(evidence: Evidence | null): Uint8Array {
  const item = evidenceItem(evidence);
  return item === null ? Uint8Array.of(0) : new Writer().u8(1).raw(item).finish();
}

function readEvidence(reader: Reader): Evidence | null {
  if (!flag(reader)) return null;
  return { type: readEvidenceType(reader), bytes: reader.vec24(MAX_EVIDENCE_BYTES) };
}

/** vec24 content, then zeros to a whole number of blocks: sizes do not tell keys apart. */
function pad(content: Uint8Array, block: number): Uint8Array {
  const padded = new Uint8Array(Math.ceil((content.length + 3) / block) * block);
  padded.set(new Writer().vec24(content).finish());
  return padded;
}

/** One content has one padding, so that a flight has one encoding. */
function unpad(padded: Uint8Array, block: number): Uint8Array {
  const reader = new Reader(padded);
  const content = reader.vec24();
  const size = Math.ceil((content.length + 3) / block) * block;
  if (padded.length !== size || reader.rest().some((byte) => byte !== 0))
    throw new ChannelError("ERR_MALFORMED", "Handshake padding is not as it must be");
  return content;
}
