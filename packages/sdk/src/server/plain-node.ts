import type { IncomingMessage, ServerResponse } from "node:http";
import type { Departure } from "@trusted-mcp/http/departure";
import { drained } from "@trusted-mcp/http/drained";
import type { WebHandler } from "@trusted-mcp/http/web-handler";
import { parts } from "@trusted-mcp/http/web-stream";

/** Serves plain MCP on Node, for `prefer` mode; the request's body was read already. */
export interface PlainNode {
  node(body: Buffer, request: IncomingMessage, response: ServerResponse, departure: Departure): Promise<void>;
}

/** The wrapped web-standard handler, without `authInfo`. */
export function plainNode(handler: WebHandler): PlainNode {
  return {
    node: (body, request, response, departure) =>
      servePlain(handler, body, request, response, departure.signal),
  };
}

async function servePlain(
  handler: WebHandler,
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const method = request.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string") headers.set(name, value);
  const inner = new Request(`http://localhost${request.url ?? "/"}`, {
    method,
    headers,
    signal,
    ...(method === "POST" && { body: Buffer.from(body) }),
  });
  const answer = await handler.fetch(inner);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body !== null) {
    for await (const part of parts(answer.body)) {
      if (response.destroyed) return;
      if (!response.write(part)) await drained(response);
    }
  }
  response.end();
}
