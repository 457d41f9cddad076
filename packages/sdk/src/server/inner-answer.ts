import { ServerResponse, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { InnerSocket } from "./inner-socket.ts";

/**
 * Node's own response, writing to `socket` as it would to an HTTP/1.0 client: head, then the body as it
 * is. Whatever an application does with it (header fields in every form, statuses without a body, a
 * write after the end) means what it means in Node.
 *
 * Set on the object itself, as frameworks change its prototype.
 */
export function innerAnswer(request: IncomingMessage, socket: InnerSocket): ServerResponse {
  const response = new ServerResponse(request);
  response.sendDate = false;
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  // Also when the application asks for it: the sealed stream has its own framing.
  Object.defineProperty(response, "chunkedEncoding", { get: () => false, set: () => undefined });
  withoutInterimAnswers(response);
  followDrain(response, socket);
  response.on("error", () => undefined);
  response.assignSocket(socket as unknown as Socket);
  socket.on("timeout", () => {
    if (!response.emit("timeout", socket)) socket.destroy();
  });
  response.once("finish", () => {
    socket.finish();
    release(request);
    // Node closes a response in the turn after it finished.
    process.nextTick(() => socket.destroy());
  });
  return response;
}

/** 1xx answers (RFC 9110 §15.2) belong to a connection; a sealed answer has one head. */
function withoutInterimAnswers(response: ServerResponse): void {
  const nothing = (...given: unknown[]): void => {
    const done = given.at(-1);
    if (typeof done === "function") process.nextTick(done);
  };
  for (const name of ["writeContinue", "writeProcessing", "writeEarlyHints", "writeInformation"])
    Object.defineProperty(response, name, { value: nothing, writable: true, configurable: true });
}

/** What `http.Server` does when a connection can take more. */
function followDrain(response: ServerResponse, socket: InnerSocket): void {
  let full = false;
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  response.write = (...args: unknown[]): boolean => {
    const more = write(...args);
    full ||= !more;
    return more;
  };
  Object.defineProperty(response, "writableNeedDrain", {
    configurable: true,
    get: () => full && !response.destroyed && !response.writableEnded,
  });
  socket.on("drain", () => {
    if (!full) return;
    full = false;
    if (!response.writableEnded) response.emit("drain");
  });
}

/** A body that nobody read is dropped, and the request closes after its end. */
function release(request: IncomingMessage): void {
  if (request.readableEnded) request.destroy();
  else request.once("end", () => request.destroy());
  if (!request.readableDidRead) request.resume();
}
