import { Reader, Writer, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { XWING } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import { EVIDENCE_TYPE } from "../evidence.ts";
import {
  HASH_BYTES,
  ID_BYTES,
  MAX_AUDIENCE_BYTES,
  MAX_AUTHENTICATION_BYTES,
  MAX_HANDSHAKE_BYTES,
  MODE_RESUMPTION,
  MODE_SIGNATURE,
  NONCE_BYTES,
} from "../suite.ts";

/** First byte of every handshake message (spec §3). */
export const TYPE = { F1: 1, R: 2, S1: 3, F2: 4, S2: 5, F3: 6, S3: 7, ALERT: 8 } as const;

/** What one side asks the other to attest, with its own contribution to the binder. */
export interface EvidenceRequest {
  /** 1 to 16 names of 1 to 64 bytes. */
  readonly types: readonly string[];
  /** 16 to 64 random bytes. */
  readonly context: Uint8Array;
}

export interface F1 {
  readonly versions: readonly number[];
  readonly suites: readonly number[];
  readonly framings: readonly number[];
  readonly mode: number;
  readonly audience: string;
  readonly nonce: Uint8Array;
  readonly kemPublicKey: Uint8Array;
  readonly credentialTypes: readonly number[];
  readonly evidenceRequest: EvidenceRequest | null;
  /** 16 bytes; present exactly in resumption mode, together with `binder`. */
  readonly ticketId: Uint8Array | null;
  readonly binder: Uint8Array | null;
  readonly retryToken: Uint8Array | null;
  /** Everything before binder and retry token. */
  readonly core: Uint8Array;
  /** Everything before the retry token: what the token authenticates. */
  readonly untokened: Uint8Array;
}

export interface S1 {
  readonly version: number;
  readonly suite: number;
  readonly framing: number;
  readonly nonce: Uint8Array;
  readonly kemCiphertext: Uint8Array;
  readonly handshakeId: Uint8Array;
  readonly clear: Uint8Array;
  readonly sealed: Uint8Array;
}

/** A message that is a clear part and one sealed part. */
export interface Flight {
  readonly id: Uint8Array;
  readonly clear: Uint8Array;
  readonly sealed: Uint8Array;
}

function list<T>(reader: Reader, max: number, read: () => T): T[] {
  const count = reader.u8();
  if (count > max)
    throw new ChannelError("ERR_MALFORMED", `A list holds ${count} entries, at most ${max} are allowed`);
  return Array.from({ length: count }, read);
}

export function writeEvidenceRequest(writer: Writer, request: EvidenceRequest | null): void {
  if (request === null) {
    writer.u8(0);
    return;
  }
  writer.u8(1).u8(request.types.length);
  for (const type of request.types) writer.vec8(utf8(type));
  writer.vec8(request.context);
}

export function readEvidenceRequest(reader: Reader): EvidenceRequest | null {
  if (!flag(reader)) return null;
  const types = list(reader, 16, () => readEvidenceType(reader));
  const context = reader.vec8(64);
  if (types.length === 0 || context.length < 16)
    throw new ChannelError("ERR_MALFORMED", "An evidence request is empty");
  return { types, context };
}

export function readEvidenceType(reader: Reader): string {
  const type = utf8Decode(reader.vec8(64));
  if (EVIDENCE_TYPE.test(type)) return type;
  throw new ChannelError("ERR_MALFORMED", "An evidence type is not a name");
}

/** An optional item's tag: 0 or 1, nothing else, so that one value has one encoding. */
export function flag(reader: Reader): boolean {
  const tag = reader.u8();
  if (tag > 1) throw new ChannelError("ERR_MALFORMED", "An optional item has an unknown tag");
  return tag === 1;
}

export function encodeF1Core(
  f1: Pick<
    F1,
    | "versions"
    | "suites"
    | "framings"
    | "mode"
    | "audience"
    | "nonce"
    | "kemPublicKey"
    | "credentialTypes"
    | "evidenceRequest"
    | "ticketId"
  >,
): Uint8Array {
  const writer = new Writer().u8(TYPE.F1).u8(f1.versions.length);
  for (const version of f1.versions) writer.u16(version);
  writer.u8(f1.suites.length);
  for (const suite of f1.suites) writer.u16(suite);
  writer.vec8(Uint8Array.from(f1.framings)).u8(f1.mode);
  writer.vec16(utf8(f1.audience)).raw(f1.nonce).raw(f1.kemPublicKey);
  writer.vec8(Uint8Array.from(f1.credentialTypes));
  writeEvidenceRequest(writer, f1.evidenceRequest);
  if (f1.ticketId !== null) writer.raw(f1.ticketId);
  return writer.finish();
}

/** F1 = core ‖ binder (resumption only) ‖ token tag ‖ token. */
export function encodeF1(
  core: Uint8Array,
  binder: Uint8Array | null,
  retryToken: Uint8Array | null,
): Uint8Array {
  const writer = new Writer().raw(core);
  if (binder !== null) writer.raw(binder);
  if (retryToken === null) return writer.u8(0).finish();
  return writer.u8(1).vec8(retryToken).finish();
}

export function parseF1(bytes: Uint8Array): F1 {
  return parsing("ERR_MALFORMED", "F1", () => {
    const reader = open(bytes, TYPE.F1);
    const versions = list(reader, 16, () => reader.u16());
    const suites = list(reader, 16, () => reader.u16());
    const framings = [...reader.vec8(16)];
    const mode = reader.u8();
    if (mode !== MODE_SIGNATURE && mode !== MODE_RESUMPTION)
      throw new ChannelError("ERR_MODE", "F1 names an unknown mode");
    const audience = utf8Decode(reader.vec16(MAX_AUDIENCE_BYTES));
    const nonce = reader.raw(NONCE_BYTES);
    const kemPublicKey = reader.raw(XWING.publicKeyBytes);
    const credentialTypes = [...reader.vec8(16)];
    const evidenceRequest = readEvidenceRequest(reader);
    const resumption = mode === MODE_RESUMPTION;
    const ticketId = resumption ? reader.raw(ID_BYTES) : null;
    const core = bytes.subarray(0, bytes.length - reader.remaining);
    const binder = resumption ? reader.raw(HASH_BYTES) : null;
    const untokened = bytes.subarray(0, bytes.length - reader.remaining);
    const retryToken = flag(reader) ? reader.vec8(64) : null;
    reader.end();
    return Object.freeze({
      versions,
      suites,
      framings,
      mode,
      audience,
      nonce,
      kemPublicKey,
      credentialTypes,
      evidenceRequest,
      ticketId,
      binder,
      retryToken,
      core,
      untokened,
    });
  });
}

export function encodeR(retryToken: Uint8Array): Uint8Array {
  return new Writer().u8(TYPE.R).vec8(retryToken).finish();
}

export function parseR(bytes: Uint8Array): Uint8Array {
  return parsing("ERR_MALFORMED", "R", () => {
    const reader = open(bytes, TYPE.R);
    const token = reader.vec8(64);
    reader.end();
    return token;
  });
}

export function encodeS1Clear(s1: Omit<S1, "clear" | "sealed">): Uint8Array {
  return new Writer()
    .u8(TYPE.S1)
    .u16(s1.version)
    .u16(s1.suite)
    .u8(s1.framing)
    .raw(s1.nonce)
    .raw(s1.kemCiphertext)
    .raw(s1.handshakeId)
    .finish();
}

export function parseS1(bytes: Uint8Array): S1 {
  return parsing("ERR_MALFORMED", "S1", () => {
    const reader = open(bytes, TYPE.S1);
    const version = reader.u16();
    const suite = reader.u16();
    const framing = reader.u8();
    const nonce = reader.raw(NONCE_BYTES);
    const kemCiphertext = reader.raw(XWING.ciphertextBytes);
    const handshakeId = reader.raw(ID_BYTES);
    const clear = bytes.subarray(0, bytes.length - reader.remaining);
    const sealed = reader.vec24(MAX_AUTHENTICATION_BYTES);
    reader.end();
    return Object.freeze({ version, suite, framing, nonce, kemCiphertext, handshakeId, clear, sealed });
  });
}

const ID_SIZE: Readonly<Record<number, number>> = {
  [TYPE.F2]: ID_BYTES,
  [TYPE.S2]: NONCE_BYTES,
  [TYPE.F3]: ID_BYTES,
  [TYPE.S3]: 0,
  [TYPE.ALERT]: 0,
};

/** What a sealed part may hold; only S2 and F3 carry evidence. */
const MAX_SEALED: Readonly<Record<number, number>> = {
  [TYPE.F2]: MAX_AUTHENTICATION_BYTES,
  [TYPE.S3]: 64,
  [TYPE.ALERT]: 64,
};

/** F2, F3: id is a 16-byte handle. S2: id is the 32-byte nonce_s2. S3 and alert: empty. */
export function encodeFlightClear(type: number, id: Uint8Array): Uint8Array {
  return new Writer().u8(type).raw(id).finish();
}

export function encodeFlight(clear: Uint8Array, sealed: Uint8Array): Uint8Array {
  return new Writer().raw(clear).vec24(sealed).finish();
}

export function parseFlight(type: number, bytes: Uint8Array): Flight {
  return parsing("ERR_MALFORMED", "A handshake message", () => {
    const reader = open(bytes, type);
    const id = reader.raw(ID_SIZE[type] ?? 0);
    const clear = bytes.subarray(0, bytes.length - reader.remaining);
    const sealed = reader.vec24(MAX_SEALED[type]);
    reader.end();
    return Object.freeze({ id, clear, sealed });
  });
}

/** The type byte of a handshake message; 0 when there is none. */
export function typeOf(bytes: Uint8Array): number {
  return bytes[0] ?? 0;
}

function open(bytes: Uint8Array, type: number): Reader {
  if (bytes.length > MAX_HANDSHAKE_BYTES)
    throw new ChannelError("ERR_MALFORMED", "A handshake message is too large");
  const reader = new Reader(bytes);
  if (reader.u8() !== type)
    throw new ChannelError("ERR_MALFORMED", "A handshake message of another type was expected");
  return reader;
}
