import type { IncomingMessage } from "node:http";
import { BINARY_MEDIA_TYPE, METHOD_HANDSHAKE, METHOD_RECORD } from "@trusted-mcp/channel";
import { BodyBudget, BodyRoom } from "@trusted-mcp/http/body-budget";
import { JSON_MEDIA_TYPE, mediaType } from "@trusted-mcp/http/media-type";
import { nodeBody, parsedBytes } from "@trusted-mcp/http/node-body";
import { AiccError } from "../error.ts";
import { SEALED_HEADER } from "../wire/http.ts";
import { addressOf, type AiccServer } from "./aicc-server.ts";
import { refusalOf } from "./endpoint.ts";
import { writeOutgoing, type NodeHandler } from "./node-front.ts";

export interface BothOptions {
  /** What `trusted(...)` of @trusted-mcp/sdk gives. */
  readonly trusted: { readonly node: NodeHandler };
  /** AICC/0.1 beside it. Absent: off, and every request goes to `trusted`. */
  readonly aicc?: AiccServer;
  /** Largest JSON frame of trusted-mcp/1 taken, in bytes. Default 100 MiB. */
  readonly maxFrameBytes?: number;
  /** Memory for large bodies being read or served at once, in bytes. Default 256 MiB, half of it for one address. */
  readonly maxBufferedBytes?: number;
  /** Origins of web pages that may ask, as `trusted` has them. Default: none; no page gets past here. */
  readonly allowedOrigins?: readonly string[];
  /** Whose memory a body counts as, as `aiccServer` has it. Default: the network address. */
  readonly source?: (request: IncomingMessage) => string;
  readonly onerror?: (error: unknown) => void;
}

const BODY_TIMEOUT_MS = 30_000;
const MARKS = [`"${METHOD_HANDSHAKE}"`, `"${METHOD_RECORD}"`];

/**
 * One endpoint for trusted-mcp/1 and AICC/0.1. The frame only decides who parses a request; each half
 * then authenticates for itself. Plaintext reaches nobody but the AICC half, which refuses all of it but
 * `initialize`: with AICC on, a `prefer` mode of the other half serves nobody in plaintext here.
 */
export function serveBoth(options: BothOptions): NodeHandler {
  const { trusted, aicc } = options;
  if (aicc === undefined) return trusted.node;
  const { source = addressOf, maxFrameBytes = 104_857_600, maxBufferedBytes = 268_435_456 } = options;
  const budget = new BodyBudget(maxBufferedBytes, maxFrameBytes);
  const origins = new Set(options.allowedOrigins);
  return async (request, response, parsedBody) => {
    const { origin } = request.headers;
    // AICC/0.1 has no idea of web pages, and its `initialize` is plaintext: who asks from one is checked here,
    // before the body is read. Preflight requests are the other half's.
    if (origin !== undefined && !origins.has(origin)) {
      const error = pageRefused();
      options.onerror?.(error);
      return await writeOutgoing(refusalOf(error), request, response);
    }
    if (origin !== undefined && request.method === "OPTIONS")
      return await trusted.node(request, response, parsedBody);
    if (mediaType(request.headers["content-type"]) === BINARY_MEDIA_TYPE && isPost(request))
      return await trusted.node(request, response, parsedBody);
    if (request.headers[SEALED_HEADER] !== undefined || !isPost(request))
      return await aicc.node(request, response, parsedBody);
    const room = new BodyRoom(budget, source(request), maxFrameBytes);
    try {
      let body: Buffer;
      try {
        body = parsedBytes(request, parsedBody) ?? (await nodeBody(request, BODY_TIMEOUT_MS, room));
      } catch (error) {
        options.onerror?.(error);
        return await writeOutgoing(refusalOf(error), request, response);
      }
      const framed = mediaType(request.headers["content-type"]) === JSON_MEDIA_TYPE && isFrame(body);
      return await (framed ? trusted : aicc).node(request, response, body);
    } finally {
      room.release();
    }
  };
}

function pageRefused(): AiccError {
  return new AiccError(
    "ERR_PLAINTEXT_REFUSED",
    "A web page asked, and allowedOrigins (serve: --allow-origin) does not name where it comes from",
  );
}

function isPost(request: IncomingMessage): boolean {
  return request.method === "POST";
}

function isFrame(body: Buffer): boolean {
  return MARKS.some((mark) => body.includes(mark));
}
