import { utf8 } from "@trusted-mcp/primitives/bytes";
import { encodeAnswer } from "../wire/envelope.ts";
import type { ExchangeKey } from "../wire/exchange.ts";
import { JSON_MEDIA_TYPE, mediaType, SEALED_HEADER, STREAM_MEDIA_TYPE } from "../wire/http.ts";
import { splitLine, transformEvents } from "../wire/sse-lines.ts";
import { parts } from "../wire/web-stream.ts";
import { fieldsOf, type Incoming, type Outgoing } from "./inner.ts";
import { gather, type Gathered } from "./gather.ts";

/** Longest line of a handler's event stream: one JSON-RPC message. */
const MAX_LINE = 67_108_864;

/**
 * Seals whatever the handler answers, errors too: the Python server leaves those in clear, and the
 * Python client opens them all the same. Only an empty body stays as it is.
 */
export async function sealAnswer(
  response: Response,
  exchange: ExchangeKey,
  incoming: Incoming,
): Promise<Outgoing> {
  const { status } = response;
  const headers = fieldsOf(response.headers).filter(([name]) => name !== SEALED_HEADER);
  if (response.body === null) return { status, headers, body: new Uint8Array(0) };
  if (mediaType(response.headers.get("content-type")) !== STREAM_MEDIA_TYPE) {
    const body = new Uint8Array(await response.arrayBuffer());
    return body.length === 0 ? { status, headers, body } : whole(status, headers, exchange, body);
  }
  const source = parts(response.body, incoming.signal);
  if (incoming.method !== "POST" || !(incoming.headers.get("accept") ?? "").includes(JSON_MEDIA_TYPE))
    return streamed(status, headers, exchange, source);
  const gathered = await gather(source);
  const message = gathered.ended ? onlyMessage(gathered.parts) : null;
  if (message === null) return streamed(status, headers, exchange, rest(gathered, source));
  const others = headers.filter(([name]) => name !== "content-type");
  return whole(status, [...others, ["content-type", JSON_MEDIA_TYPE]], exchange, utf8(message));
}

function whole(
  status: number,
  headers: readonly (readonly [string, string])[],
  exchange: ExchangeKey,
  body: Uint8Array,
): Outgoing {
  const sealed = utf8(encodeAnswer(exchange.seal(body)));
  return { status, headers: [...headers, [SEALED_HEADER, "1"]], body: sealed };
}

function streamed(
  status: number,
  headers: readonly (readonly [string, string])[],
  exchange: ExchangeKey,
  source: AsyncIterable<Uint8Array>,
): Outgoing {
  // CRLF, because the Python client takes no other line end.
  const body = transformEvents(source, MAX_LINE, "\r\n", (line) => {
    const { field, value } = splitLine(line);
    return field === "data" ? `data: ${encodeAnswer(exchange.seal(utf8(value)))}` : line;
  });
  return { status, headers: [...headers, [SEALED_HEADER, "1"]], body };
}

/**
 * The one message of a stream that has already ended. It goes out as JSON, which MCP lets a server
 * choose freely: the Python client cannot read an event that arrives in more than one piece, and
 * every large result does.
 */
function onlyMessage(chunks: readonly Uint8Array[]): string | null {
  const data = Buffer.concat(chunks)
    .toString("utf8")
    .split(/\r\n|\n|\r/)
    .map(splitLine)
    .filter(({ field, value }) => field === "data" && value !== "");
  const [only, ...more] = data;
  return only !== undefined && more.length === 0 ? only.value : null;
}

async function* rest(
  gathered: Gathered,
  source: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* gathered.parts;
    const next = await gathered.next;
    if (gathered.ended || next?.done === true) return;
    if (next !== null) yield next.value;
    yield* source;
  } finally {
    await source.return();
  }
}
