import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthInfo } from "@modelcontextprotocol/server";
import { FRAMING_JSON, METHOD_HANDSHAKE, METHOD_RECORD, type Responder } from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import {
  BINARY_FRAME,
  frameLimit,
  JSON_MEDIA_TYPE,
  mediaType,
  REFUSED_BODY,
  REFUSED_STATUS,
} from "../wire.ts";
import { Endpoint, type OuterResponse } from "./endpoint.ts";
import type { InnerHandler } from "./inner.ts";
import { nodeFront } from "./node-front.ts";
import { responderFor, type TrustedServerOptions } from "./options.ts";
import { behindChannel, type WebHandler } from "./web-handler.ts";

type RequestOptions = { authInfo?: AuthInfo; parsedBody?: unknown };

/** A handler behind the channel, with a web-standard face and a Node one. */
export interface TrustedHandler {
  /** Web-standard face; works behind `toNodeHandler`, Express body parsers and other runtimes (JSON framing). */
  readonly fetch: (request: Request, options?: RequestOptions) => Promise<Response>;
  /** Node face: `http.createServer(trusted(handler, options).node)`; binary framing where the client can. */
  readonly node: (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => Promise<void>;
  /** Open channel sessions. */
  readonly sessions: number;
  /** Ends every session of an identity key at once; take it off the allow list first. */
  revoke(keyId: string): number;
  /** Ends all sessions. The wrapped handler is not closed. */
  close(): void;
}

/**
 * Puts an existing MCP handler behind a trusted-mcp/1 channel.
 *
 * @example
 * ```ts
 * const handler = createMcpHandler(factory);
 * createServer(trusted(handler, { identity, clients, audience: "https://tools.example/mcp" }).node).listen(8080);
 * ```
 * @throws TrustedSdkError ERR_CONFIGURATION when no audience is given.
 */
export function trusted(handler: WebHandler, options: TrustedServerOptions): TrustedHandler {
  return serveBehind(behindChannel(handler), options, options.mode === "prefer" ? handler : null);
}

/** The general form: any inner handler; `plaintext` serves plain MCP where the mode allows it. */
export function serveBehind(
  inner: InnerHandler,
  options: TrustedServerOptions,
  plaintext: WebHandler | null,
): TrustedHandler {
  const responder: Responder = responderFor(options);
  const onerror = options.onerror ?? (() => undefined);
  const endpoint = new Endpoint(responder, inner, onerror);
  const maxBodyBytes = frameLimit(responder.sessions.maxMessageBytes);
  const node = nodeFront(endpoint, {
    maxBodyBytes,
    bodyTimeoutMs: options.bodyTimeoutMs ?? 30_000,
    onerror,
    plaintext: plaintext === null ? null : plainNode(plaintext),
  });
  return {
    fetch: (request, requestOptions) =>
      webFront(endpoint, maxBodyBytes, onerror, plaintext, request, requestOptions),
    node,
    get sessions() {
      return responder.sessions.size;
    },
    revoke: (keyId) => responder.sessions.revoke(keyId),
    close: () => responder.sessions.clear(),
  };
}

async function webFront(
  endpoint: Endpoint,
  maxBodyBytes: number,
  onerror: (error: unknown) => void,
  plaintext: WebHandler | null,
  request: Request,
  options?: RequestOptions,
): Promise<Response> {
  try {
    const body = await webBody(request, options?.parsedBody, maxBodyBytes);
    if (plaintext !== null && !isFrame(request, body)) {
      return await plaintext.fetch(rebuilt(request, body), options);
    }
    if (request.method !== "POST") {
      throw new TrustedSdkError(
        "ERR_PLAINTEXT_REFUSED",
        "A plaintext request came in; this server accepts none",
      );
    }
    const answer = await endpoint.receive({
      contentType: request.headers.get("content-type"),
      body,
      source: "",
      framings: [FRAMING_JSON],
      signal: request.signal,
    });
    return toResponse(answer);
  } catch (error) {
    onerror(error);
    return new Response(REFUSED_BODY, {
      status: REFUSED_STATUS,
      headers: { "content-type": JSON_MEDIA_TYPE },
    });
  }
}

async function webBody(request: Request, parsedBody: unknown, limit: number): Promise<Buffer> {
  if (parsedBody !== undefined) return Buffer.from(JSON.stringify(parsedBody));
  if (request.body === null) return Buffer.alloc(0);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(parts, size);
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new TrustedSdkError(
        "ERR_BODY_TOO_LARGE",
        `A request body is larger than the ${limit} bytes allowed`,
      );
    }
    parts.push(value);
  }
}

function isFrame(request: Request, body: Buffer): boolean {
  if (request.method !== "POST") return false;
  if (mediaType(request.headers.get("content-type")) === BINARY_FRAME) return true;
  return body.includes(`"${METHOD_HANDSHAKE}"`) || body.includes(`"${METHOD_RECORD}"`);
}

function rebuilt(request: Request, body: Buffer): Request {
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, ...(method === "POST" && { body: Buffer.from(body) }) });
}

/** Plain MCP in `prefer` mode: the same handler, without `authInfo`. */
function plainNode(handler: WebHandler) {
  return async (body: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const abort = new AbortController();
    response.once("close", () => abort.abort());
    const method = request.method ?? "GET";
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (typeof value === "string") headers.set(name, value);
    }
    const url = `http://localhost${request.url ?? "/"}`;
    const inner = new Request(url, {
      method,
      headers,
      signal: abort.signal,
      ...(method === "POST" && { body: Buffer.from(body) }),
    });
    const answer = await handler.fetch(inner);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body !== null) {
      for await (const part of answer.body)
        if (!response.write(part)) await new Promise((go) => response.once("drain", go));
    }
    response.end();
  };
}

function toResponse(answer: OuterResponse): Response {
  const headers = { "content-type": answer.contentType, "cache-control": "no-cache, no-transform" };
  const { body } = answer;
  if (body instanceof Uint8Array) return new Response(Buffer.from(body), { headers });
  const iterator = body[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(stream, { headers });
}
