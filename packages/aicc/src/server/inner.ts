import { JSON_MEDIA_TYPE, SEALED_HEADER } from "../wire/http.ts";

/** The shape of `createMcpHandler(...)`, and of any web-standard MCP handler. */
export interface WebHandler {
  fetch(request: Request, options?: { parsedBody?: unknown }): Promise<Response>;
}

/** An outer HTTP request, from whichever front. */
export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly source: string;
  readonly signal: AbortSignal;
}

export interface Outgoing {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** These describe the sealed message, not the one inside. */
const OUTER_FIELDS = ["content-length", "content-encoding", "transfer-encoding", SEALED_HEADER];

/** The request as it was before it was sealed. */
export async function runHandler(
  handler: WebHandler,
  incoming: Incoming,
  body: Uint8Array,
): Promise<Response> {
  const { method, url, signal } = incoming;
  const headers = new Headers(incoming.headers);
  for (const name of OUTER_FIELDS) headers.delete(name);
  if (method !== "POST") return await handler.fetch(new Request(url, { method, headers, signal }));
  headers.set("content-type", JSON_MEDIA_TYPE);
  const request = new Request(url, { method, headers, signal, body: Buffer.from(body) });
  const parsedBody = parseJson(body);
  return await handler.fetch(request, parsedBody === undefined ? {} : { parsedBody });
}

/** A body that does not parse stays unparsed: the handler then answers as it would in plaintext. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

const HOP_BY_HOP = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "date"]);

export function fieldsOf(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => !HOP_BY_HOP.has(name));
}
