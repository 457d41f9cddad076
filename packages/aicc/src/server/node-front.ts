import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderFields } from "@trusted-mcp/channel";
import { BodyRoom, type BodyBudget } from "@trusted-mcp/http/body-budget";
import { Departure } from "@trusted-mcp/http/departure";
import { drained } from "@trusted-mcp/http/drained";
import type { HandlerResponse } from "@trusted-mcp/http/handler";
import { nodeBody, parsedBytes } from "@trusted-mcp/http/node-body";
import { refusalOf, type Endpoint } from "./endpoint.ts";

export interface NodeFrontOptions {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly onerror: (error: unknown) => void;
  readonly budget: BodyBudget;
  readonly source: (request: IncomingMessage) => string;
}

export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  parsedBody?: unknown,
) => Promise<void>;

export function nodeFront(endpoint: Endpoint, options: NodeFrontOptions): NodeHandler {
  return async (request, response, parsedBody) => {
    const departure = new Departure();
    response.once("close", () => {
      if (!response.writableFinished) departure.announce();
      departure.finish();
    });
    let answer: HandlerResponse;
    const source = options.source(request);
    const room = new BodyRoom(options.budget, source, options.maxBodyBytes);
    try {
      answer = await endpoint.receive({
        method: request.method ?? "GET",
        headers: fieldsOf(request),
        body: parsedBytes(request, parsedBody) ?? (await nodeBody(request, options.bodyTimeoutMs, room)),
        source,
        departure,
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

function fieldsOf({ headers }: IncomingMessage): HeaderFields {
  const fields: [string, string][] = [];
  for (const [name, value] of Object.entries(headers))
    if (typeof value === "string") fields.push([name, value]);
  return fields;
}

export async function writeOutgoing(
  answer: HandlerResponse,
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
