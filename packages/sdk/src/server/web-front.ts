import { FRAMING_JSON } from "@trusted-mcp/channel";
import { BodyRoom, type BodyBudget } from "@trusted-mcp/http/body-budget";
import { Departure } from "@trusted-mcp/http/departure";
import { bodyTooSlow } from "@trusted-mcp/http/error";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import type { AuthInfo, WebHandler } from "@trusted-mcp/http/web-handler";
import { webStream, type Read } from "@trusted-mcp/http/web-stream";
import { REFUSED_BODY, REFUSED_STATUS } from "../wire.ts";
import { isWhole, type Endpoint } from "./endpoint.ts";
import { isFrame, plaintextRefused } from "./frame.ts";

export type RequestOptions = {
  authInfo?: AuthInfo;
  parsedBody?: unknown;
  /** The client's address, for rate limits; without it all clients share one. Never take it from a field they wrote. */
  source?: string;
};

export interface WebFrontOptions {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly onerror: (error: unknown) => void;
  readonly budget: BodyBudget;
  /** Serves plain MCP, in `prefer` mode only. */
  readonly plaintext: WebHandler | null;
}

/**
 * The web-standard front. It offers JSON framing only: adapters in front of it, the SDK's
 * `toNodeHandler` among them, may read bodies as text.
 */
export function webFront(
  endpoint: Endpoint,
  options: WebFrontOptions,
): (request: Request, requestOptions?: RequestOptions) => Promise<Response> {
  return async (request, requestOptions) => {
    const source = requestOptions?.source ?? "";
    const room = new BodyRoom(options.budget, source, options.maxBodyBytes);
    try {
      const body = await bodyOf(request, requestOptions?.parsedBody, options, room);
      if (!isFrame(request.method, request.headers.get("content-type"), body)) {
        if (options.plaintext === null) throw plaintextRefused();
        return await options.plaintext.fetch(rebuilt(request, body), requestOptions);
      }
      const departure = Departure.of(request.signal);
      const answer = await endpoint.receive({
        contentType: request.headers.get("content-type"),
        body,
        source,
        framings: [FRAMING_JSON],
        departure,
      });
      const headers = { "content-type": answer.contentType, "cache-control": "no-cache, no-transform" };
      if (isWhole(answer.body)) {
        departure.finish();
        return new Response(Buffer.concat(answer.body), { headers });
      }
      const leave = (): void => departure.announce();
      // Without it nginx keeps what has been streamed until its buffers are full (docs/design/0013).
      const unbuffered = { ...headers, "x-accel-buffering": "no" };
      return new Response(webStream(answer.body, undefined, leave), { headers: unbuffered });
    } catch (error) {
      options.onerror(error);
      return new Response(REFUSED_BODY, {
        status: REFUSED_STATUS,
        headers: { "content-type": JSON_MEDIA_TYPE },
      });
    } finally {
      room.release();
    }
  };
}

async function bodyOf(
  request: Request,
  parsedBody: unknown,
  options: WebFrontOptions,
  room: BodyRoom,
): Promise<Buffer> {
  // Behind a body parser the bytes are gone; JSON frames survive being written again.
  if (parsedBody !== undefined) return Buffer.from(JSON.stringify(parsedBody));
  if (request.body === null) return Buffer.alloc(0);
  await room.reserve(Number(request.headers.get("content-length") ?? 0), options.bodyTimeoutMs);
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  const time = { up: false };
  const timer = setTimeout(() => {
    time.up = true;
    stop();
  }, options.bodyTimeoutMs);
  const all: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const result: Read = await reader.read();
      // Asked first: a body that was cancelled looks as if it had ended.
      if (time.up) throw bodyTooSlow(options.bodyTimeoutMs);
      if (result.done) return Buffer.concat(all, size);
      if (result.value === undefined) continue;
      size += result.value.length;
      room.grow(size);
      all.push(result.value);
    }
  } catch (error) {
    stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function rebuilt(request: Request, body: Buffer): Request {
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, ...(method === "POST" && { body: Buffer.from(body) }) });
}
