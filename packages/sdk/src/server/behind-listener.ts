import type { IncomingMessage, ServerResponse } from "node:http";
import { innerAnswer } from "./inner-answer.ts";
import { innerMessage } from "./inner-message.ts";
import { InnerSocket } from "./inner-socket.ts";
import type { InnerHandler, InnerResponse } from "./inner.ts";
import { innerAddress } from "./request.ts";
import { parseWrittenHead } from "./written-head.ts";

/** Whatever answers Node requests: an Express app, what Fastify gives `serverFactory`, a bare function. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Runs a Node request listener behind the channel. It sees a request and a response of Node's own. */
export function behindListener(listener: NodeListener, path: string | null): InnerHandler {
  return async (inner) => {
    const socket = new InnerSocket(inner.source ?? "", innerAddress(inner).secure);
    const request = innerMessage(inner, socket, path);
    const response = innerAnswer(request, socket);
    const unlisten = inner.departure.listen(() => abort(request, socket));
    socket.once("close", unlisten);
    run(listener, request, response);
    return await answerOf(socket);
  };
}

/** A listener that throws, at once or later, ends this request and nothing else. */
function run(listener: NodeListener, request: IncomingMessage, response: ServerResponse): void {
  const failed = (error: unknown): void => {
    response.destroy(error instanceof Error ? error : new Error(String(error)));
  };
  try {
    Promise.resolve(listener(request, response)).catch(failed);
  } catch (error) {
    failed(error);
  }
}

async function answerOf(socket: InnerSocket): Promise<InnerResponse> {
  const first = await socket.nextWritten();
  try {
    const { head, rest } = parseWrittenHead(first ?? Buffer.alloc(0));
    return { ...head, body: bodyOf(rest, socket) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Taken part by part as it is sealed; leaving early closes the application's connection. */
function bodyOf(rest: Buffer, socket: InnerSocket): AsyncIterable<Uint8Array> {
  let begun: Buffer | null = rest.length > 0 ? rest : null;
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      const value = begun ?? (await socket.nextWritten());
      begun = null;
      return value === null ? { done: true, value: undefined } : { done: false, value };
    },
    return: () => {
      socket.destroy();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** What `http.Server` does when a client goes away. */
function abort(request: IncomingMessage, socket: InnerSocket): void {
  const gone = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
  if (!request.destroyed) request.destroy(gone);
  socket.destroy();
}
