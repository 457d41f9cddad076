/** Takes sealed bodies apart and puts them together again, as any observer of the format can (spec §6). */

export interface Pieces {
  readonly header: Uint8Array;
  /** u24 length ‖ chunk each. */
  readonly chunks: readonly Uint8Array[];
}

const REQUEST_HEADER = 45;
const RESPONSE_HEADER = 17;

export function binaryRequest(body: Uint8Array): Pieces {
  return { header: body.subarray(0, REQUEST_HEADER), chunks: chunksOf(body.subarray(REQUEST_HEADER)) };
}

export function binaryAnswer(body: Uint8Array): Pieces {
  return { header: body.subarray(0, RESPONSE_HEADER), chunks: chunksOf(body.subarray(RESPONSE_HEADER)) };
}

export function joined({ header, chunks }: Pieces): Uint8Array {
  return Buffer.concat([header, ...chunks]);
}

/** Cuts u24 length ‖ chunk, repeated; a rest that is no whole chunk comes last. */
export function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const size = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    chunks.push(bytes.subarray(at, at + 3 + size));
    at += 3 + size;
  }
  return chunks;
}

/** The events of an outer event stream, each with its blank line. */
export function eventsOf(body: Uint8Array): Uint8Array[] {
  const text = Buffer.from(body).toString("utf8");
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => Buffer.from(`${event}\n\n`));
}

const FLIGHT = /"m":"([A-Za-z0-9_-]*)"/;

/** The handshake message in a JSON frame; null when it is none. */
export function flightOf(body: Uint8Array): Uint8Array | null {
  const [, text] = FLIGHT.exec(Buffer.from(body).toString("utf8")) ?? [];
  return text === undefined ? null : Buffer.from(text, "base64url");
}

/** The same frame with another handshake message in it. */
export function withFlight(frame: Uint8Array, message: Uint8Array): Uint8Array {
  const text = Buffer.from(message).toString("base64url");
  return Buffer.from(Buffer.from(frame).toString("utf8").replace(FLIGHT, `"m":"${text}"`));
}

/** First byte of a handshake message: 1 F1, 2 R, 3 S1, 4 F2, 5 S2, 6 F3, 7 S3, 8 alert; 0 for a record. */
export function flightType(body: Uint8Array): number {
  return flightOf(body)?.[0] ?? 0;
}

export const FLIGHT_TYPE = { F1: 1, R: 2, S1: 3, F2: 4, S2: 5, F3: 6, S3: 7, ALERT: 8 } as const;
