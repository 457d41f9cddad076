import type { IncomingMessage, ServerResponse } from "node:http";
import { FRAMING_BINARY, FRAMING_JSON } from "@trusted-mcp/channel";
import { Departure } from "@trusted-mcp/http/departure";
import { drained } from "@trusted-mcp/http/drained";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";
import { REFUSED_BODY, REFUSED_STATUS } from "../wire.ts";
import { BodyRoom, type BodyBudget } from "./body-budget.ts";
import { bodyTooSlow } from "./body-limit.ts";
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
      const parsed = bytesOfParsed(request, parsedBody);
      const body = parsed ?? (await readBody(request, options, room));
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

/**
 * What a body parser in front made of the body; null when the bytes are still to be read. Behind a parser
 * they are gone, and JSON frames survive being written again. Some parsers (body-parser 1 of Express 4)
 * give an empty object for a body that they did not touch.
 */
function bytesOfParsed(request: IncomingMessage, parsedBody: unknown): Buffer | null {
  if (parsedBody === undefined || parsedBody === null || typeof parsedBody === "function") return null;
  if (Buffer.isBuffer(parsedBody)) return parsedBody;
  if (!request.readableDidRead && !request.readableEnded) return null;
  return Buffer.from(typeof parsedBody === "string" ? parsedBody : JSON.stringify(parsedBody));
}

async function readBody(
  request: IncomingMessage,
  options: NodeFrontOptions,
  room: BodyRoom,
): Promise<Buffer> {
  await room.reserve(Number(request.headers["content-length"] ?? 0), options.bodyTimeoutMs);
  return await collect(request, options, room);
}

function collect(request: IncomingMessage, options: NodeFrontOptions, room: BodyRoom): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => {
      fail(bodyTooSlow(options.bodyTimeoutMs));
    }, options.bodyTimeoutMs);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      parts.length = 0;
      request.pause();
      reject(error instanceof Error ? error : new Error("unknown"));
    };
    request.on("data", (part: Buffer) => {
      size += part.length;
      try {
        room.grow(size);
        parts.push(part);
      } catch (error) {
        fail(error);
      }
    });
    request.once("end", () => {
      clearTimeout(timer);
      const [only, ...more] = parts;
      resolve(only !== undefined && more.length === 0 ? only : Buffer.concat(parts, size));
    });
    const left = (cause?: unknown): void =>
      fail(new TrustedSdkError("ERR_CLOSED", "The client went away while sending", { cause }));
    request.once("error", left);
    request.once("close", () => {
      if (!request.complete) left();
    });
    // While there was no room for its body: its events are over, and the room must not wait for them.
    if (request.destroyed) left();
  });
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
