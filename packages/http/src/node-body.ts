import type { IncomingMessage } from "node:http";
import type { BodyRoom } from "./body-budget.ts";
import { bodyTooSlow, HttpError } from "./error.ts";

/**
 * What a body parser in front made of the body; null when the bytes are still to be read. Behind a parser
 * they are gone, and JSON survives being written again. Some parsers (body-parser 1 of Express 4) give an
 * empty object for a body that they did not touch.
 */
export function parsedBytes(request: IncomingMessage, parsedBody: unknown): Buffer | null {
  if (parsedBody === undefined || parsedBody === null || typeof parsedBody === "function") return null;
  if (Buffer.isBuffer(parsedBody)) return parsedBody;
  if (!request.readableDidRead && !request.readableEnded) return null;
  return Buffer.from(typeof parsedBody === "string" ? parsedBody : JSON.stringify(parsedBody));
}

/**
 * Reads a body of any method, bounded in size by its room and in time.
 *
 * @throws HttpError ERR_BODY_TOO_LARGE, ERR_BODY_TIMEOUT, ERR_BODY_BUSY, ERR_CLOSED.
 */
export async function nodeBody(request: IncomingMessage, timeoutMs: number, room: BodyRoom): Promise<Buffer> {
  await room.reserve(Number(request.headers["content-length"] ?? 0), timeoutMs);
  return arrived(request, room) ?? (await collect(request, timeoutMs, room));
}

/** A body that came with its head, as small ones do, is here by now: no event has to be waited for. */
function arrived(request: IncomingMessage, room: BodyRoom): Buffer | null {
  const { complete, destroyed, readableFlowing, readableEncoding, httpVersionMajor } = request;
  // HTTP/2 also calls a message complete that was cut.
  if (!complete || destroyed || httpVersionMajor !== 1) return null;
  if (readableFlowing !== null || readableEncoding !== null) return null;
  room.grow(request.readableLength);
  const body: unknown = request.read();
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function collect(request: IncomingMessage, timeoutMs: number, room: BodyRoom): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => {
      fail(bodyTooSlow(timeoutMs));
    }, timeoutMs);
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
      fail(new HttpError("ERR_CLOSED", "The client went away while sending", { cause }));
    request.once("error", left);
    request.once("close", () => {
      if (!request.complete) left();
    });
    // While there was no room for its body: its events are over, and the room must not wait for them.
    if (request.destroyed) left();
  });
}
