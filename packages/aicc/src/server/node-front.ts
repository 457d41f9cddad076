import type { IncomingMessage, ServerResponse } from "node:http";
import type { BodyBudget, BodyRoom } from "./body-budget.ts";
import { readNodeBody, type BodyLimits } from "./body.ts";
import { refusalOf, type Endpoint } from "./endpoint.ts";
import type { Outgoing } from "./inner.ts";

export interface NodeFrontOptions extends BodyLimits {
  readonly onerror: (error: unknown) => void;
  readonly budget: BodyBudget;
  /** The URL that the handler sees; the Host header is whatever the client wrote. */
  readonly url: string;
  readonly source: (request: IncomingMessage) => string;
}

export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  parsedBody?: unknown,
) => Promise<void>;

export function nodeFront(endpoint: Endpoint, options: NodeFrontOptions): NodeHandler {
  return async (request, response, parsedBody) => {
    const departure = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) departure.abort();
    });
    let answer: Outgoing;
    const room = options.budget.room(options.source(request));
    try {
      answer = await endpoint.receive({
        method: request.method ?? "GET",
        url: options.url,
        headers: headersOf(request),
        body: await bodyOf(request, parsedBody, options, room),
        source: options.source(request),
        signal: departure.signal,
      });
    } catch (error) {
      options.onerror(error);
      answer = refusalOf(error);
    } finally {
      room.release();
    }
    await writeOutgoing(answer, request, response);
  };
}

async function bodyOf(
  request: IncomingMessage,
  parsedBody: unknown,
  limits: BodyLimits,
  room: BodyRoom,
): Promise<Buffer> {
  // Behind a body parser the bytes are gone; envelopes survive being written again.
  if (parsedBody === undefined || typeof parsedBody === "function")
    return await readNodeBody(request, limits, room);
  return Buffer.isBuffer(parsedBody) ? parsedBody : Buffer.from(JSON.stringify(parsedBody));
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string") headers.set(name, value);
  return headers;
}

export async function writeOutgoing(
  answer: Outgoing,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = Object.fromEntries(answer.headers);
  // The rest of a refused body is not read, so the connection is of no more use.
  if (!request.complete) headers["connection"] = "close";
  if (answer.body instanceof Uint8Array) {
    response.writeHead(answer.status, { ...headers, "content-length": answer.body.length });
    response.end(answer.body, () => {
      if (!request.complete) request.destroy();
    });
    return;
  }
  response.writeHead(answer.status, headers);
  response.flushHeaders();
  try {
    for await (const part of answer.body) {
      if (response.destroyed) return;
      if (!response.write(part)) await drained(response);
    }
    response.end();
  } catch {
    // No orderly end for a stream that failed: the client must see it as cut.
    response.destroy();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
