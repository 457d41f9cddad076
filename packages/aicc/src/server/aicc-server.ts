import type { IncomingMessage } from "node:http";
import { BodyBudget } from "@trusted-mcp/http/body-budget";
import { Departure } from "@trusted-mcp/http/departure";
import type { Handler, HandlerResponse } from "@trusted-mcp/http/handler";
import { behindProtocol, type WebHandler } from "@trusted-mcp/http/web-handler";
import { webStream } from "@trusted-mcp/http/web-stream";
import { webBody } from "./body.ts";
import { Endpoint, refusalOf } from "./endpoint.ts";
import { nodeFront, type NodeHandler } from "./node-front.ts";
import { RequestOpener, type OpenerOptions } from "./request-opener.ts";
import { emitWarning, warnOnce } from "./warning.ts";
import { envelopeLimit } from "../wire/http.ts";

export interface AiccServerOptions extends OpenerOptions {
  /** The URL that a web-standard handler sees; the Host header is whatever the client wrote. Default http://localhost/mcp. */
  readonly url?: string;
  /** Largest JSON-RPC message taken, in bytes. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /**
   * Who sent a request, for the limits per source. Default: its network address. Behind a proxy that is
   * the proxy's, and everybody shares its limits: read the address from where the proxy writes it.
   */
  readonly source?: (request: IncomingMessage) => string;
  /** Memory for large request bodies being read or served at once, in bytes. Default 256 MiB, half of it for one source. */
  readonly maxBufferedBytes?: number;
  /** How long a request body may take to arrive, in ms. Default 30 s. */
  readonly bodyTimeoutMs?: number;
  /** Hears of everything refused and of failed handlers. Errors carry codes, never content. */
  readonly onerror?: (error: unknown) => void;
  /** Hears once what AICC/0.1 cannot protect. Default: a process warning. */
  readonly onwarning?: (message: string) => void;
}

/** A handler behind AICC/0.1, with a web-standard face and a Node one. */
export interface AiccServer {
  readonly fetch: (request: Request) => Promise<Response>;
  /** The face for Python clients: their sealed GET and DELETE have bodies, which web requests cannot. */
  readonly node: NodeHandler;
  /** Largest request body taken, in bytes. */
  readonly maxBodyBytes: number;
  /** Stops watching the key file. The wrapped handler is not closed. */
  close(): void;
}

/**
 * Serves clients of the existing Python SDK (AICC/0.1). Only `initialize` is served in plaintext; the
 * handler never learns who calls, because AICC/0.1 has no client identity.
 *
 * @example
 * ```ts
 * const keys = await serverKeyFile("./myPrivateKey.pem");
 * createServer(aiccServer(createMcpHandler(factory), { keys }).node).listen(8000);
 * ```
 */
export function aiccServer(handler: WebHandler | Handler, options: AiccServerOptions): AiccServer {
  warnOnce(options.onwarning ?? emitWarning);
  const onerror = options.onerror ?? (() => undefined);
  const endpoint = new Endpoint(new RequestOpener(options), handlerOf(handler, options.url), onerror);
  const maxBodyBytes = envelopeLimit(options.maxMessageBytes ?? 4_194_304);
  const limits = { maxBodyBytes, bodyTimeoutMs: options.bodyTimeoutMs ?? 30_000 };
  const budget = new BodyBudget(options.maxBufferedBytes ?? 268_435_456, maxBodyBytes);
  return {
    maxBodyBytes,
    node: nodeFront(endpoint, { ...limits, budget, onerror, source: options.source ?? addressOf }),
    fetch: async (request) => {
      try {
        const body = await webBody(request, maxBodyBytes);
        const { method } = request;
        const headers = [...request.headers];
        const departure = Departure.of(request.signal);
        return toResponse(await endpoint.receive({ method, headers, body, source: "", departure }));
      } catch (error) {
        onerror(error);
        return toResponse(refusalOf(error));
      }
    },
    close: () => options.keys.close(),
  };
}

/** A web-standard handler, or one that takes bytes: what `TrustedMcpServer.anonymous()` gives. */
function handlerOf(handler: WebHandler | Handler, url = "http://localhost/mcp"): Handler {
  if (typeof handler === "function") return handler;
  const run = behindProtocol(handler);
  return ({ method, headers, body, departure }) => run({ method, url, headers, body, departure });
}

export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? "";
}

function toResponse({ status, headers, body }: HandlerResponse): Response {
  const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  if (!(body instanceof Uint8Array)) return new Response(webStream(body), init);
  return new Response(body.length === 0 ? null : Buffer.from(body), init);
}
