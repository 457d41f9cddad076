import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listenError } from "../error.ts";
import type { Log } from "../log.ts";
import { asKnown, transportError } from "./answer.ts";
import { chunks } from "./body.ts";
import { forwardedHeaders, returnedHeaders } from "./http-headers.ts";
import { errorAnswer, sort } from "./json-rpc.ts";
import { refusedBy } from "./loopback.ts";
import type { Fetch } from "./upstream.ts";

export interface HttpBridgeOptions {
  readonly url: URL;
  readonly fetch: Fetch;
  /** 0: any free port. */
  readonly port: number;
  readonly log: Log;
  readonly maxBodyBytes?: number;
}

export interface HttpBridge {
  readonly url: string;
  close(): Promise<void>;
}

const METHODS = ["GET", "POST", "DELETE"];
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Makes a trusted server appear as plain HTTP on 127.0.0.1, and on no other address. */
export async function bridgeHttp(options: HttpBridgeOptions): Promise<HttpBridge> {
  const server = createServer((request, response) => {
    void serve(request, response, options).catch((error: unknown) => {
      options.log.debug("the local client went away", { code: asKnown(error).code });
      response.destroy();
    });
  });
  // Hosts keep connections for longer than Node's five seconds; closing under them would fail a call.
  server.keepAliveTimeout = 65_000;
  await listen(server, options.port);
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(listenError("127.0.0.1", port, "--listen", cause));
    });
    server.listen(port, "127.0.0.1", () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpBridgeOptions,
): Promise<void> {
  const refused = refusedBy(request.headers);
  if (refused !== undefined) {
    options.log.warn("refused a request that is not from this machine", { reason: refused });
    return plain(response, 403, `Forbidden: ${refused}`);
  }
  if ((request.url ?? "").split("?")[0] !== "/mcp")
    return plain(response, 404, "Not found: the endpoint is /mcp");
  if (!METHODS.includes(request.method ?? "")) {
    response.setHeader("allow", METHODS.join(", "));
    return plain(response, 405, "Method not allowed");
  }
  const body = await readBody(request, options.maxBodyBytes ?? MAX_BODY_BYTES);
  if (body === undefined) {
    response.setHeader("connection", "close");
    return plain(response, 413, "The request body is too large");
  }
  await forward(request, body, response, options);
}

async function forward(
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  options: HttpBridgeOptions,
): Promise<void> {
  const gone = new AbortController();
  // The client closing its stream is how it cancels; the server must learn of it.
  response.on("close", () => gone.abort());
  let answer: Response;
  try {
    answer = await options.fetch(options.url, {
      method: request.method ?? "GET",
      headers: forwardedHeaders(request.headers),
      ...(request.method === "POST" ? { body: body.toString("utf8") } : {}),
      redirect: "manual",
      signal: gone.signal,
    });
  } catch (error) {
    if (gone.signal.aborted) return;
    options.log.error(asKnown(error).message, { code: asKnown(error).code });
    return unreachable(response, body, error);
  }
  response.writeHead(answer.status, returnedHeaders(answer.headers));
  // A client waits for the head of an event stream long before the first event.
  response.flushHeaders();
  try {
    await pump(answer, response, gone.signal);
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) options.log.error(asKnown(error).message, { code: asKnown(error).code });
    // A cut answer must look cut: ending it properly would pass it off as whole.
    response.destroy();
  }
}

/** Copies the body, reading no faster than the client does. */
async function pump(answer: Response, response: ServerResponse, gone: AbortSignal): Promise<void> {
  for await (const part of chunks(answer, gone)) {
    if (response.destroyed) return;
    if (!response.write(part)) await drained(response);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
}

/** The whole body, or undefined when it is larger than `max`. */
async function readBody(request: IncomingMessage, max: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  // Destroying the request would close the socket before the refusal is sent.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > max) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * 502 (RFC 9110 §15.6.3) with a JSON-RPC error for the request. Not 400, 401, 403 or 404, which MCP clients
 * take for the server's own word: a new session, a login, another era.
 */
function unreachable(response: ServerResponse, body: Buffer, error: unknown): void {
  const id = sort(body.toString("utf8"))?.requests[0]?.id ?? null;
  response.writeHead(502, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(errorAnswer(id, transportError(error)));
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${text}\n`);
}
