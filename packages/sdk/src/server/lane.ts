import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type AuthInfo,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type McpServer,
  type MessageExtraInfo,
  type RequestId,
  type Transport,
  type TransportSendOptions,
} from "@modelcontextprotocol/server";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { JSON_MEDIA_TYPE, STREAM_MEDIA_TYPE } from "../wire.ts";
import type { Departure } from "./departure.ts";
import type { InnerResponse } from "./inner.ts";

/** One request on its way through a lane. */
interface InFlight {
  /** The id that the caller gave; other callers of the lane may use the same. */
  readonly callerId: RequestId;
  readonly settle: (response: InnerResponse) => void;
  readonly unlisten: () => void;
  /** Set once the answer became a stream. */
  stream: EventQueue | null;
}

const JSON_FIELDS: [string, string][] = [["content-type", JSON_MEDIA_TYPE]];
const STREAM_FIELDS: [string, string][] = [
  ["content-type", STREAM_MEDIA_TYPE],
  ["cache-control", "no-cache, no-transform"],
];

/**
 * A direct way into one `McpServer` for one channel session: opened messages go straight into the
 * SDK's `Transport`, past its Request/Response layers, which cost most of a call
 * (docs/design/0004). Request ids are replaced, so callers behind one session cannot collide.
 */
export class Lane implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;
  readonly #inFlight = new Map<RequestId, InFlight>();
  readonly #authInfo: AuthInfo | undefined;
  #nextId = 1;
  #server: McpServer | null = null;

  constructor(authInfo: AuthInfo | undefined) {
    this.#authInfo = authInfo;
  }

  async connect(server: McpServer): Promise<void> {
    this.#server = server;
    await server.connect(this);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    for (const id of this.#inFlight.keys()) this.#finish(id, errorText(-32000, "Connection closed"));
    this.onclose?.();
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    await this.#server?.close();
  }

  /** Runs one request; resolves with its answer, or with a stream once there is more than an answer. */
  request(message: JSONRPCRequest, departure: Departure): Promise<InnerResponse> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((settle) => {
      const unlisten = departure.listen(() => this.#cancel(id, "The client went away"));
      this.#inFlight.set(id, { callerId: message.id, settle, unlisten, stream: null });
      this.#deliver({ ...message, id });
    });
  }

  /** A notification or a posted answer. Cancellation names the caller's id, which must be unambiguous. */
  accept(message: JSONRPCMessage): void {
    if ("method" in message && message.method === "notifications/cancelled") {
      const wanted: unknown = message.params?.["requestId"];
      const matches = [...this.#inFlight].filter(([, entry]) => entry.callerId === wanted);
      const [only, ...more] = matches;
      if (only !== undefined && more.length === 0) this.#cancel(only[0], "Cancelled by the client");
      return;
    }
    this.#deliver(message);
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) {
      const entry = message.id === undefined ? undefined : this.#inFlight.get(message.id);
      if (entry !== undefined && message.id !== undefined) {
        this.#finish(message.id, JSON.stringify({ ...message, id: entry.callerId }));
      }
      return Promise.resolve();
    }
    const entry =
      options?.relatedRequestId === undefined ? undefined : this.#inFlight.get(options.relatedRequestId);
    if (entry === undefined) {
      if (isJSONRPCRequest(message))
        return Promise.reject(new Error("There is no call in flight to send this request on"));
      return Promise.resolve();
    }
    if (entry.stream === null) {
      entry.stream = new EventQueue();
      entry.settle({ status: 200, headers: STREAM_FIELDS, body: entry.stream });
    }
    entry.stream.push(JSON.stringify(message));
    return Promise.resolve();
  }

  #deliver(message: JSONRPCMessage): void {
    this.onmessage?.(message, this.#authInfo && { authInfo: this.#authInfo });
  }

  #cancel(id: RequestId, reason: string): void {
    if (!this.#inFlight.has(id)) return;
    this.#deliver({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason } });
    this.#finish(id, null);
  }

  #finish(id: RequestId, text: string | null): void {
    const entry = this.#inFlight.get(id);
    if (entry === undefined) return;
    this.#inFlight.delete(id);
    entry.unlisten();
    if (entry.stream !== null) {
      if (text !== null) entry.stream.push(text);
      entry.stream.end();
    } else if (text !== null) entry.settle({ status: 200, headers: JSON_FIELDS, body: utf8(text) });
    else entry.settle({ status: 202, headers: [], body: new Uint8Array(0) });
  }
}

function errorText(code: number, message: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } });
}

/** Server-sent events of one call, in order, each sealed as it is taken. */
class EventQueue implements AsyncIterable<Uint8Array> {
  readonly #events: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  push(json: string): void {
    this.#events.push(utf8(`event: message\ndata: ${json}\n\n`));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
