import { ServerResponse, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { InnerSocket } from "./inner-socket.ts";

/**
 * Node's own response, writing to `socket` as it would to an HTTP/1.0 client: head, then the body as it
 * is. Whatever an application does with it (header fields in every form, statuses without a body, a
 * write after the end) means what it means in Node.
 *
 * What differs is set on the object itself, as frameworks change its prototype, and with the same functions for
 * all: an accessor or function of its own would make each a slow object to V8, and a call half as dear again.
 */
export function innerAnswer(request: IncomingMessage, socket: InnerSocket): ServerResponse {
  const response: InnerAnswer = new ServerResponse(request);
  response.sendDate = false;
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response._storeHeader = storeHeader;
  response.writeContinue = nothing;
  response.writeProcessing = nothing;
  response.writeEarlyHints = nothing;
  response.writeInformation = nothing;
  response.write = write;
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

/** With what Node has, but does not declare. */
interface InnerAnswer extends ServerResponse {
  _storeHeader?: (this: InnerAnswer, ...head: unknown[]) => void;
  writeInformation?: (...given: unknown[]) => void;
}

const node = ServerResponse.prototype as InnerAnswer;

/** Also when the application asks for chunk marks: the sealed stream has its own framing. */
function storeHeader(this: InnerAnswer, ...head: unknown[]): void {
  node._storeHeader?.apply(this, head);
  this.chunkedEncoding = false;
}

/** 1xx answers (RFC 9110 §15.2) belong to a connection; a sealed answer has one head. */
function nothing(...given: unknown[]): void {
  const done = given.at(-1);
  if (typeof done === "function") process.nextTick(done);
}

/** Node marks a response as full, and only `http.Server` takes the mark away. */
function write(this: InnerAnswer, ...args: unknown[]): boolean {
  const more = node.write.apply(this, args as never);
  if (!more && this.socket !== null && !Object.hasOwn(this, "writableNeedDrain"))
    followDrain(this, this.socket);
  return more;
}

/** What `http.Server` does when a connection can take more. */
function followDrain(response: ServerResponse, socket: Socket): void {
  Object.defineProperty(response, "writableNeedDrain", NEED_DRAIN);
  socket.on("drain", () => {
    if (!response.writableEnded) response.emit("drain");
  });
}

const NEED_DRAIN: PropertyDescriptor & ThisType<ServerResponse> = {
  configurable: true,
  get() {
    return this.socket?.writableNeedDrain === true && !this.destroyed && !this.writableEnded;
  },
};

/** A body that nobody read is dropped, and the request closes after its end. */
function release(request: IncomingMessage): void {
  if (request.readableEnded) request.destroy();
  else request.once("end", () => request.destroy());
  if (!request.readableDidRead) request.resume();
}
