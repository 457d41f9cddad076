import { mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { webStream } from "@trusted-mcp/http/web-stream";
import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { parseAnswer } from "../wire/envelope.ts";
import type { ExchangeKey } from "../wire/exchange.ts";
import { envelopeLimit, SEALED_HEADER } from "../wire/http.ts";
import { splitLine, transformEvents } from "../wire/sse-lines.ts";
import type { OuterAnswer } from "./http.ts";

/** What the request was: decides which answers without content can be right. */
export interface Sent {
  readonly method: string;
  /** A JSON-RPC request, which only content can answer. */
  readonly expectsContent: boolean;
}

/** Statuses that the Fetch standard gives no body (§2.2.3). */
const BODYLESS = new Set([204, 205, 304]);

/**
 * The answer to a sealed request, opened. Plaintext is refused where it would be believed: a status
 * without content stays (nothing binds it, so it proves nothing), words in clear never do.
 */
export async function openAnswer(
  answer: OuterAnswer,
  exchange: ExchangeKey,
  sent: Sent,
  limit: number,
  onWire: (contentType: string, body: Uint8Array) => void,
): Promise<Response> {
  refuseRedirect(answer);
  const { status } = answer;
  const headers = keptHeaders(answer);
  const contentType = answer.headers["content-type"] ?? "";
  const success = status >= 200 && status < 300;
  if (answer.headers[SEALED_HEADER] === undefined) {
    if (!success) {
      answer.cancel();
      headers.delete("content-type");
      return new Response(null, { status, headers });
    }
    const body = await emptyOrRefused(answer);
    if (body || sent.expectsContent || sent.method === "GET") throw plaintextAnswer();
    return new Response(null, { status, headers });
  }
  if (mediaType(contentType) === STREAM_MEDIA_TYPE) {
    if (!success) throw plaintextAnswer();
    const events = transformEvents(
      observed(answer.body, contentType, onWire),
      envelopeLimit(limit),
      "\n",
      (line) => openLine(line, exchange),
    );
    return new Response(webStream(events), { status, headers });
  }
  const sealed = await answer.bytes(envelopeLimit(limit));
  onWire(contentType, sealed);
  const body = exchange.open(parseAnswer(sealed.toString("latin1")));
  if (body.length === 0 && sent.expectsContent) throw plaintextAnswer();
  return new Response(body.length === 0 || BODYLESS.has(status) ? null : Buffer.from(body), {
    status,
    headers,
  });
}

/** Only empty bodies may be plain; one byte is enough to know. */
async function emptyOrRefused(answer: OuterAnswer): Promise<boolean> {
  for await (const chunk of answer.body) {
    if (chunk.length === 0) continue;
    answer.cancel();
    return true;
  }
  return false;
}

/**
 * One line of a sealed event stream. `data` must open; `id` and `retry` pass in clear, as AICC/0.1 has
 * them; an event may have no other name than MCP's; comments and unknown fields are dropped.
 */
function openLine(line: string, exchange: ExchangeKey): string | null {
  if (line === "") return line;
  const { field, value } = splitLine(line);
  switch (field) {
    case "data": {
      const text = utf8Decode(exchange.open(parseAnswer(value)));
      return text
        .split(/\r\n|\n|\r/)
        .map((part) => `data: ${part}`)
        .join("\n");
    }
    case "id":
    case "retry":
      return line;
    case "event":
      if (value !== "message") throw new AiccError("ERR_STREAM", "An event has a name that MCP does not use");
      return line;
    default:
      return null;
  }
}

async function* observed(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  onWire: (contentType: string, body: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    onWire(contentType, chunk);
    yield chunk;
  }
}

/** A redirect would carry the sealed request, and every header field, to whom it names. */
export function refuseRedirect(answer: OuterAnswer): void {
  if (answer.status < 300 || answer.status > 399) return;
  answer.cancel();
  throw new AiccError("ERR_REDIRECT", "The server answered with a redirect, which is not followed");
}

/** What MCP needs; everything else in clear stays outside. */
const KEPT = ["content-type", "mcp-session-id", "www-authenticate", "allow", "retry-after"] as const;

export function keptHeaders(answer: OuterAnswer): Headers {
  const headers = new Headers();
  for (const name of KEPT) {
    const value = answer.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

function plaintextAnswer(): AiccError {
  return new AiccError(
    "ERR_PLAINTEXT_ANSWER",
    "A sealed request was answered without sealed content; somebody in between may have written it",
  );
}
