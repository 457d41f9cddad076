import { Reader } from "@trusted-mcp/primitives/bytes";
import { ChannelError, parsing } from "../error.ts";
import type { Role } from "../ports.ts";
import { ID_BYTES } from "../suite.ts";

/** First byte of a record header (spec §5.1). Handshake messages use 1 to 8. */
export const RECORD_REQUEST = 0x10;
export const RECORD_RESPONSE = 0x11;
/** Records of a pipe (spec §5.8), by who sends them: a line that comes back to its sender has the wrong type. */
export const RECORD_PUSH = { client: 0x12, server: 0x13 } as const;

export const RANDOM_BYTES = 16;
export const REQUEST_HEADER_BYTES = 45;
export const RESPONSE_HEADER_BYTES = 17;

export interface RequestHeader {
  /** 16 bytes. */
  readonly sessionId: Uint8Array;
  readonly epoch: number;
  readonly sequence: number;
  /** The 8 bytes of `sequence`, as they enter the key. */
  readonly sequenceBytes: Uint8Array;
  /** 16 bytes. */
  readonly random: Uint8Array;
}

export function encodeRequestHeader(
  sessionId: Uint8Array,
  epoch: number,
  sequence: number,
  random: Uint8Array,
): Uint8Array {
  return encodeHeader(RECORD_REQUEST, sessionId, epoch, sequence, random);
}

/** The header of a pipe's record: that of a request, of another type. */
export function encodePushHeader(
  sender: Role,
  sessionId: Uint8Array,
  epoch: number,
  sequence: number,
  random: Uint8Array,
): Uint8Array {
  return encodeHeader(RECORD_PUSH[sender], sessionId, epoch, sequence, random);
}

function encodeHeader(
  type: number,
  sessionId: Uint8Array,
  epoch: number,
  sequence: number,
  random: Uint8Array,
): Uint8Array {
  if (
    !Number.isSafeInteger(sequence) ||
    sequence < 0 ||
    sessionId.length !== ID_BYTES ||
    random.length !== RANDOM_BYTES
  )
    throw new ChannelError("ERR_MALFORMED", "A record header has a part that does not fit");
  const header = new Uint8Array(REQUEST_HEADER_BYTES);
  header[0] = type;
  header.set(sessionId, 1);
  writeU32(header, 17, epoch);
  // Division, not shifts: shifts work on 32 bits only.
  writeU32(header, 21, Math.floor(sequence / 2 ** 32));
  writeU32(header, 25, sequence % 2 ** 32);
  header.set(random, 29);
  return header;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function parseRequestHeader(bytes: Uint8Array): RequestHeader {
  return parseHeader(bytes, RECORD_REQUEST, "a request record");
}

/** The header of a record that `sender` sent over a pipe. */
export function parsePushHeader(sender: Role, bytes: Uint8Array): RequestHeader {
  return parseHeader(bytes, RECORD_PUSH[sender], `a record that the ${sender} sends over a pipe`);
}

function parseHeader(bytes: Uint8Array, type: number, what: string): RequestHeader {
  return parsing("ERR_MALFORMED", "A record header", () => {
    const reader = new Reader(bytes);
    if (reader.u8() !== type) throw new ChannelError("ERR_MALFORMED", `This is not ${what}`);
    const sessionId = reader.raw(ID_BYTES);
    const epoch = reader.u32();
    const sequence = reader.u64();
    const sequenceBytes = bytes.subarray(21, 29);
    const random = reader.raw(RANDOM_BYTES);
    reader.end();
    return { sessionId, epoch, sequence, sequenceBytes, random };
  });
}

export function encodeResponseHeader(random: Uint8Array): Uint8Array {
  if (random.length !== RANDOM_BYTES)
    throw new ChannelError("ERR_MALFORMED", "A response header takes 16 random bytes");
  const header = new Uint8Array(RESPONSE_HEADER_BYTES);
  header[0] = RECORD_RESPONSE;
  header.set(random, 1);
  return header;
}

/** The 16 random bytes of a response header. */
export function parseResponseHeader(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== RESPONSE_HEADER_BYTES || bytes[0] !== RECORD_RESPONSE) {
    throw new ChannelError("ERR_MALFORMED", "This is not a response record");
  }
  return bytes.subarray(1);
}
