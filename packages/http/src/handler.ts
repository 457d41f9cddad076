import type { HeaderFields } from "@trusted-mcp/channel";
import type { Departure } from "./departure.ts";

/** An opened request, as it left the client's MCP SDK. */
export interface HandlerRequest {
  readonly method: string;
  /** Names are lower case. */
  readonly headers: HeaderFields;
  /** Whole: a request runs only after its last byte was authenticated. */
  readonly body: Uint8Array;
  /** The address that the outer request came from, as the front saw it. */
  readonly source?: string;
  /** Tells when the client goes away: MCP's cancellation by closing the stream. */
  readonly departure: Departure;
}

export interface HandlerResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Bytes at once, or a stream whose parts are sealed as they come. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What runs behind a protocol, in bytes: no web object is made for a call. */
export type Handler = (request: HandlerRequest) => Promise<HandlerResponse>;

/** Hop-by-hop and length fields describe the inner HTTP message, which no longer exists as one. */
const DROPPED = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function isDropped(name: string): boolean {
  return DROPPED.has(name);
}

export function fieldsOf(headers: Headers): [string, string][] {
  const fields: [string, string][] = [];
  for (const [name, value] of headers) if (!isDropped(name)) fields.push([name, value]);
  return fields;
}

export function field(headers: HeaderFields, name: string): string | undefined {
  for (const [key, value] of headers) if (key === name) return value;
  return undefined;
}
