import type {
  AuthInfo,
  JSONRPCMessage,
  JSONRPCRequest,
  McpServer,
  MessageClassification,
  MessageExtraInfo,
  RequestId,
  Transport,
  TransportSendOptions,
} from "@modelcontextprotocol/server";
import type { Departure } from "@trusted-mcp/http/departure";
import { JSON_MEDIA_TYPE, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { EventQueue } from "./event-queue.ts";
import type { InnerResponse } from "./inner.ts";
import { laneTransport } from "./lane-transport.ts";
import { textBytes } from "./text-bytes.ts";

/** One request on its way through a lane. */
interface InFlight {
  /** The id that the caller gave; other callers of the lane may use the same. */
  readonly callerId: RequestId;
  readonly settle: (response: InnerResponse | null) => void;
  readonly unlisten: () => void;
  /** Set once the answer became a stream. */
  stream: EventQueue | null;
}

const NO_ANSWER: InnerResponse = { status: 202, headers: [], body: new Uint8Array(0) };
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
export class Lane {
  readonly #inFlight = new Map<RequestId, InFlight>();
  readonly #extra: MessageExtraInfo;
  readonly #transport: Transport;
  #nextId = 1;
  #dispatching: RequestId | null = null;

  /** @param classification - of the modern era; undefined: the legacy era. */
  constructor(authInfo: AuthInfo | undefined, classification: MessageClassification | undefined) {
    this.#extra = { ...(authInfo && { authInfo }), ...(classification && { classification }) };
    this.#transport = laneTransport((message, options) => this.#send(message, options), classification);
  }

  async connect(server: McpServer): Promise<void> {
    await server.connect(this.#transport);
  }

  /**
   * Runs one request; resolves with its answer, or with a stream once there is more than an answer.
   * Null: the server turned it down before any handler ran, and the HTTP entry knows the status for that.
   */
  request(message: JSONRPCRequest, departure: Departure): Promise<InnerResponse | null> {
    // Nobody would see the answer: the call does not run.
    if (departure.gone) return Promise.resolve(NO_ANSWER);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((settle) => {
      const unlisten = departure.listen(() => this.#cancel(id, "The client went away"));
      this.#inFlight.set(id, { callerId: message.id, settle, unlisten, stream: null });
      // Handlers run in a later microtask: an error that comes before this returns is not theirs.
      this.#dispatching = id;
      this.#transport.onmessage?.({ ...message, id }, this.#extra);
      this.#dispatching = null;
    });
  }

  /** A notification. Cancellation names the caller's id, which must be unambiguous. */
  accept(message: JSONRPCMessage): void {
    if ("method" in message && message.method === "notifications/cancelled") {
      const wanted: unknown = message.params?.["requestId"];
      const [only, ...more] = [...this.#inFlight].filter(([, { callerId }]) => callerId === wanted);
      if (only !== undefined && more.length === 0) this.#cancel(only[0], "Cancelled by the client");
      return;
    }
    this.#transport.onmessage?.(message, this.#extra);
  }

  #send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    // By their shape: they come from the SDK itself, whose schemas would look at every answer twice more.
    if (!("method" in message)) {
      const { id } = message;
      const entry = id === undefined ? undefined : this.#inFlight.get(id);
      if (id !== undefined && id === this.#dispatching && "error" in message) {
        this.#inFlight.delete(id);
        entry?.unlisten();
        entry?.settle(null);
      } else if (id !== undefined && entry !== undefined) {
        this.#finish(id, answerText({ ...message, id: entry.callerId }));
      }
      return Promise.resolve();
    }
    if ("id" in message) {
      const text = "This server keeps no MCP session in which a client could answer a request";
      return Promise.reject(new Error(text));
    }
    const related = options?.relatedRequestId;
    const entry = related === undefined ? undefined : this.#inFlight.get(related);
    if (entry === undefined) return Promise.resolve();
    if (entry.stream === null) {
      entry.stream = new EventQueue();
      entry.settle({ status: 200, headers: STREAM_FIELDS, body: entry.stream });
    }
    return entry.stream.push(JSON.stringify(message));
  }

  #cancel(id: RequestId, reason: string): void {
    if (!this.#inFlight.has(id)) return;
    const params = { requestId: id, reason };
    this.#transport.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params }, this.#extra);
    this.#finish(id, null);
  }

  #finish(id: RequestId, text: string | null): void {
    const entry = this.#inFlight.get(id);
    if (entry === undefined) return;
    this.#inFlight.delete(id);
    entry.unlisten();
    if (entry.stream !== null) {
      if (text !== null) void entry.stream.push(text);
      entry.stream.end();
    } else if (text !== null) entry.settle({ status: 200, headers: JSON_FIELDS, body: textBytes(text) });
    else entry.settle(NO_ANSWER);
  }
}

/**
 * An answer that cannot be written (a tool gave back what nests too deeply, or holds itself) is an error to the
 * caller: without any answer its call would wait, and stay in flight here, until it goes away.
 */
function answerText(message: { readonly id: RequestId }): string {
  try {
    return JSON.stringify(message);
  } catch {
    const error = { code: -32603, message: "The server's answer cannot be written as JSON" };
    return JSON.stringify({ jsonrpc: "2.0", id: message.id, error });
  }
}
