import type { HandlerResponse } from "@trusted-mcp/http/handler";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { encodeAnswer } from "../wire/envelope.ts";
import type { ExchangeKey } from "../wire/exchange.ts";
import { SEALED_HEADER } from "../wire/http.ts";
import { splitLine, transformEvents } from "../wire/sse-lines.ts";
import { fieldOf, type Incoming } from "./inner.ts";
import { gather, type Gathered } from "./gather.ts";

/** Longest line of a handler's event stream: one JSON-RPC message. */
const MAX_LINE = 67_108_864;

/**
 * Seals whatever the handler answers, errors too: the Python server leaves those in clear, and the
 * Python client opens them all the same. Only an empty body stays as it is.
 */
export async function sealAnswer(
  response: HandlerResponse,
  exchange: ExchangeKey,
  incoming: Incoming,
): Promise<HandlerResponse> {
  const { status, body } = response;
  const headers = response.headers.filter(([name]) => name !== SEALED_HEADER);
  if (body instanceof Uint8Array)
    return body.length === 0 ? { status, headers, body } : whole(status, headers, exchange, body);
  if (incoming.method !== "POST" || !fieldOf(incoming, "accept").includes(JSON_MEDIA_TYPE))
    return streamed(status, headers, exchange, body);
  const source = body[Symbol.asyncIterator]();
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
): HandlerResponse {
  const sealed = utf8(encodeAnswer(exchange.seal(body)));
  return { status, headers: [...headers, [SEALED_HEADER, "1"]], body: sealed };
}

function streamed(
  status: number,
  headers: readonly (readonly [string, string])[],
  exchange: ExchangeKey,
  source: AsyncIterable<Uint8Array>,
): HandlerResponse {
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
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* gathered.parts;
    if (gathered.ended) return;
    for (let next = await (gathered.next ?? source.next()); next.done !== true; next = await source.next())
      yield next.value;
  } finally {
    await source.return?.();
  }
}
