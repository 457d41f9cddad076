import type { IncomingMessage, ServerResponse } from "node:http";
import { FRAMING_BINARY, FRAMING_JSON } from "@trusted-mcp/channel";
import { BodyRoom, type BodyBudget } from "@trusted-mcp/http/body-budget";
import { Departure } from "@trusted-mcp/http/departure";
import { drained } from "@trusted-mcp/http/drained";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { nodeBody, parsedBytes } from "@trusted-mcp/http/node-body";
import { REFUSED_BODY, REFUSED_STATUS } from "../wire.ts";
import type { ClientAddress } from "./client-address.ts";
import { isWhole, type Endpoint, type OuterResponse } from "./endpoint.ts";
import { isFrame, plaintextRefused } from "./frame.ts";
import type { PlainNode } from "./plain-node.ts";

/** Own Node adapter: binary safe (the SDK's reads bodies as text), bounded in size and time. */
export interface NodeFrontOptions {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly onerror: (error: unknown) => void;
  readonly budget: BodyBudget;
  readonly address: ClientAddress;
  /** Serves a request that is not a frame, in `prefer` mode only. */
  readonly plaintext: PlainNode | null;
}

const FRAMINGS = [FRAMING_BINARY, FRAMING_JSON];

export function nodeFront(
  endpoint: Endpoint,
  options: NodeFrontOptions,
): (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => Promise<void> {
  return async (request, response, parsedBody) => {
    const departure = new Departure();
    response.once("close", () => {
      if (!response.writableFinished) departure.announce();
      departure.finish();
    });
    departure.onCut = () => response.destroy();
    const source = options.address(request.socket.remoteAddress, request.headers["x-forwarded-for"]);
    const room = new BodyRoom(options.budget, source, options.maxBodyBytes);
    try {
      const parsed = parsedBytes(request, parsedBody);
      const body = parsed ?? (await nodeBody(request, options.bodyTimeoutMs, room));
      if (!isFrame(request.method, request.headers["content-type"], body)) {
        if (options.plaintext === null) throw plaintextRefused();
        await options.plaintext.node(body, request, response, departure);
        return;
      }
      const answer = await endpoint.receive({
        contentType: request.headers["content-type"],
        body,
        source,
        // What parses JSON in front may refuse or spoil what is not JSON.
        framings: parsed === null || Buffer.isBuffer(parsedBody) ? FRAMINGS : [FRAMING_JSON],
        departure,
      });
      await write(answer, response);
    } catch (error) {
      options.onerror(error);
      refuse(request, response);
    } finally {
      room.release();
    }
  };
}

/** Up to this size one copy is cheaper than one more write. */
const COPY_BYTES = 16_384;

async function write(answer: OuterResponse, response: ServerResponse): Promise<void> {
  const { body } = answer;
  if (isWhole(body)) {
    let size = 0;
    for (const part of body) size += part.length;
    response.writeHead(200, { "content-type": answer.contentType, "content-length": size });
    // As one-byte text, head and body leave in one write; a buffer would take two.
    if (size <= COPY_BYTES) response.end(Buffer.concat(body, size).toString("latin1"), "latin1");
    else {
      response.cork();
      for (const part of body) response.write(part);
      response.end();
    }
    return;
  }
  let begun = false;
  try {
    for await (const part of body) {
      if (response.destroyed) return;
      // Only now: a stream that was not begun cannot be told of a head that somebody else had written.
      if (!begun) {
        response.writeHead(200, {
          "content-type": answer.contentType,
          "cache-control": "no-cache, no-transform",
          "x-accel-buffering": "no",
        });
      }
      begun = true;
      if (!response.write(part)) await drained(response);
    }
    response.end();
  } catch {
    // No orderly end for a stream that failed: the client must see it as cut.
    response.destroy();
  }
}

/** The one outer refusal. The connection closes: what is left of the body is not read. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const unread = !request.complete;
  response.writeHead(REFUSED_STATUS, {
    "content-type": JSON_MEDIA_TYPE,
    "content-length": Buffer.byteLength(REFUSED_BODY),
    ...(unread && { connection: "close" }),
  });
  response.end(REFUSED_BODY, () => {
    if (unread) request.destroy();
  });
}
