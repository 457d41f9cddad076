import { randomUUID } from "node:crypto";
import type { Log } from "../../log.ts";
import {
  accepted,
  busy,
  HTTP_REFUSED,
  INVALID_REQUEST,
  refuse,
  sessionNotFound,
  SSE_TYPE,
} from "../answer.ts";
import { isObject } from "../handler.ts";
import { oneLine } from "../json-splice.ts";
import {
  type Batch,
  isId,
  type JsonRpcId,
  type JsonRpcMessage,
  type JsonRpcRequest,
  metaOf,
} from "../json-rpc.ts";
import type { ServeLimits } from "../limits.ts";
import { Backlog } from "./backlog.ts";
import type { Child, ChildEnd } from "./child.ts";
import { cutOff } from "./cut-off.ts";
import { Exchange } from "./exchange.ts";
import { Flow } from "./flow.ts";
import type { Tenant } from "./pool.ts";
import { SseStream } from "./sse-stream.ts";
import { ServerOutput } from "./server-output.ts";

interface Call {
  readonly exchange: Exchange;
  readonly method: string;
  readonly token: JsonRpcId | undefined;
  /** Its client waits no longer. */
  cancelled: boolean;
}

/** Ids kept of cancelled calls, and of requests that the client has not answered. */
const MAX_REMEMBERED = 1024;
/** MCP lets the answer win a race against the cancellation. */
const CANCEL_GRACE_MS = 1000;

export interface LegacySessionOptions {
  readonly limits: ServeLimits;
  readonly log: Log;
  /** The session is over: forget its id. */
  readonly onClosed: (session: LegacySession) => void;
}

/** One MCP session up to 2025-11-25: one client, one child process, ids passed through as they are. */
export class LegacySession implements Tenant {
  readonly id: string = randomUUID();
  readonly probing = false;
  usedAt: number = performance.now();
  left = false;
  /** What `initialize` agreed on. */
  protocolVersion: string | undefined;
  readonly #options: LegacySessionOptions;
  readonly #output: ServerOutput;
  readonly #calls = new Map<JsonRpcId, Call>();
  readonly #cancelled = new Set<JsonRpcId>();
  /** Ids of requests that the server has put to the client. */
  readonly #asked = new Set<JsonRpcId>();
  readonly #backlog = new Backlog();
  readonly #flow: Flow;
  #child: Child | undefined;
  #stream: SseStream | undefined;
  #starting: NodeJS.Timeout | undefined;
  #over = false;

  constructor(options: LegacySessionOptions) {
    this.#options = options;
    this.#output = new ServerOutput(options.log, (message, line) => this.#route(message, line));
    this.#flow = new Flow({
      pause: () => this.#child?.pause(),
      resume: () => this.#child?.resume(),
      stallMs: options.limits.stallMs,
    });
  }

  /** Calls that nobody waits for any more do not keep the process. */
  get busy(): boolean {
    return this.#stream !== undefined || [...this.#calls.values()].some(({ exchange }) => exchange.open);
  }

  get over(): boolean {
    return this.#over || this.#child?.over === true;
  }

  start(child: Child): void {
    this.#child = child;
    if (this.#over) return;
    const { startTimeoutMs } = this.#options.limits;
    this.#starting = setTimeout(
      () => void this.stop("it did not answer initialize in time"),
      startTimeoutMs,
    ).unref();
  }

  /** Handles one POST that belongs to this session. */
  async post(text: string, batch: Batch, request: Request): Promise<Response> {
    this.usedAt = performance.now();
    if (this.#over) return sessionNotFound();
    const requests = batch.messages.filter((message) => message.kind === "request");
    const refusal = this.#check(requests);
    if (refusal !== undefined) return refusal;
    if (requests.length === 0) {
      await this.#forward(text, batch);
      return accepted();
    }
    const exchange = this.#open(requests, batch.batch, request);
    await this.#forward(text, batch);
    return exchange.response;
  }

  /** GET: the stream for what belongs to no call (MCP 2025-11-25 §transports, listening). */
  listen(request: Request): Response {
    this.usedAt = performance.now();
    if (this.#stream?.open === true) {
      return refuse(409, HTTP_REFUSED, "Conflict: Only one SSE stream is allowed per session");
    }
    const stream = new SseStream({
      keepAliveMs: this.#options.limits.keepAliveMs,
      onPressure: this.#flow.onPressure,
      onGone: () => {
        if (this.#stream === stream) {
          this.#stream = undefined;
          this.left = true;
        }
        this.usedAt = performance.now();
      },
    });
    this.#stream = stream;
    this.left = false;
    request.signal.addEventListener("abort", () => stream.gone(), { once: true });
    for (const line of this.#backlog.take()) stream.send(line);
    const headers = {
      "content-type": SSE_TYPE,
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    };
    return new Response(stream.body, { headers: { ...headers, "mcp-session-id": this.id } });
  }

  async stop(why: string): Promise<void> {
    await this.#child?.stop(why);
  }

  onLine(line: Buffer): void {
    this.#output.take(line);
  }

  onEnd(end: ChildEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#starting);
    for (const [id, { exchange, method, cancelled }] of this.#calls) {
      if (method === "initialize") delete exchange.headers["mcp-session-id"];
      if (cancelled) exchange.skip();
      else exchange.answer(Buffer.from(cutOff(id, method, end.why)));
    }
    this.#calls.clear();
    this.#stream?.close();
    this.#stream = undefined;
    this.#options.onClosed(this);
  }

  #check(requests: readonly JsonRpcRequest[]): Response | undefined {
    if (this.#calls.size + requests.length > this.#options.limits.maxInFlight)
      return busy("Too many calls are under way");
    if (requests.length > 0 && this.#child?.backedUp === true) return busy("The MCP server does not keep up");
    const ids = new Set<JsonRpcId>(this.#calls.keys());
    const tokens = new Set<JsonRpcId | undefined>([...this.#calls.values()].map(({ token }) => token));
    for (const { id, params } of requests) {
      const token = tokenOf(params);
      if (ids.has(id) || (token !== undefined && tokens.has(token))) {
        const what = ids.has(id) ? "id" : "progress token";
        return refuse(400, INVALID_REQUEST, `Invalid Request: a call with this ${what} is under way`, { id });
      }
      ids.add(id);
      tokens.add(token);
    }
    return undefined;
  }

  #open(requests: readonly JsonRpcRequest[], batch: boolean, request: Request): Exchange {
    const accept = request.headers.get("accept") ?? "";
    const exchange: Exchange = new Exchange({
      expected: requests.length,
      batch,
      canStream: accept.includes(SSE_TYPE) || accept.includes("*/*"),
      keepAliveMs: this.#options.limits.keepAliveMs,
      flow: this.#flow,
      // Up to 2025-11-25 a lost connection is no cancellation: the calls go on, their answers are dropped.
      onGone: () => this.#abandoned(exchange),
    });
    exchange.headers["mcp-session-id"] = this.id;
    for (const { id, method, params } of requests) {
      // The late answer of a cancelled call could be taken for this one's: it no longer can be told apart.
      this.#cancelled.delete(id);
      this.#calls.set(id, { exchange, method, token: tokenOf(params), cancelled: false });
    }
    request.signal.addEventListener("abort", () => exchange.gone(), { once: true });
    if (request.signal.aborted) exchange.gone();
    // What had nobody to go to can go now; with a GET stream it has gone there already.
    for (const line of this.#backlog.take()) exchange.push(line);
    return exchange;
  }

  /** An `initialize` that nobody waits for any more will never become a session. */
  #abandoned(exchange: Exchange): void {
    const starting = [...this.#calls.values()].some(
      (call) => call.exchange === exchange && call.method === "initialize",
    );
    if (starting && this.protocolVersion === undefined)
      void this.stop("its client went away during initialize");
  }

  async #forward(text: string, batch: Batch): Promise<void> {
    if (!batch.batch) {
      const [message] = batch.messages;
      if (message !== undefined && this.#wanted(message)) await this.#child?.send(oneLine(text));
      return;
    }
    for (const message of batch.messages) {
      if (this.#wanted(message)) await this.#child?.send(JSON.stringify(message.value));
    }
  }

  /** Answers nobody asked for stop here. */
  #wanted(message: JsonRpcMessage): boolean {
    if (message.kind === "response") return message.id !== null && this.#asked.delete(message.id);
    if (message.kind === "notification" && message.method === "notifications/cancelled")
      this.#cancel(message.params?.["requestId"]);
    return true;
  }

  /** The client no longer waits; the server may, or may not, still answer. */
  #cancel(id: unknown): void {
    if (!isId(id)) return;
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.cancelled = true;
    setTimeout(() => {
      if (this.#calls.get(id) !== call) return;
      this.#calls.delete(id);
      remember(this.#cancelled, id);
      call.exchange.skip();
    }, CANCEL_GRACE_MS).unref();
  }

  #route(message: JsonRpcMessage, line: Uint8Array): void {
    if (message.kind === "response") return this.#answer(message.id, message.result, line);
    if (message.kind === "request") remember(this.#asked, message.id);
    const exchange = this.#relatedTo(message);
    if (exchange?.push(line) === true) return;
    if (this.#stream?.open === true) return this.#stream.send(line);
    if (message.method === "notifications/progress") return;
    const dropped = this.#backlog.add(line);
    if (dropped > 0)
      this.#options.log.warn("messages of a server were dropped: its client listens nowhere", { dropped });
  }

  #answer(id: JsonRpcId | null, result: unknown, line: Uint8Array): void {
    const call = id === null ? undefined : this.#calls.get(id);
    if (id === null || call === undefined) {
      if (id !== null && this.#cancelled.delete(id)) return;
      this.#options.log.debug("a server answered a call that is not under way");
      return;
    }
    this.usedAt = performance.now();
    this.#calls.delete(id);
    if (call.method === "initialize") this.#initialized(result, call.exchange);
    call.exchange.answer(line);
  }

  #initialized(result: unknown, exchange: Exchange): void {
    clearTimeout(this.#starting);
    const version = isObject(result) ? result["protocolVersion"] : undefined;
    if (typeof version === "string") this.protocolVersion = version;
    else {
      delete exchange.headers["mcp-session-id"];
      void this.stop("it refused initialize");
    }
  }

  /**
   * stdio does not say which call a message belongs to, except progress. Logs and requests to the client go
   * with the newest call; changes of lists and resources belong to no call and prefer the GET stream.
   */
  #relatedTo(message: JsonRpcMessage): Exchange | undefined {
    if (message.kind === "response") return undefined;
    const open = [...this.#calls.values()].filter(({ exchange }) => exchange.open);
    if (message.method === "notifications/progress") {
      const token = message.params?.["progressToken"];
      return open.find((call) => call.token !== undefined && call.token === token)?.exchange;
    }
    if (this.#stream?.open === true && CHANGES.has(message.method)) return undefined;
    return open.at(-1)?.exchange;
  }
}

const CHANGES: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
  "notifications/resources/updated",
]);

function tokenOf(params: Readonly<Record<string, unknown>> | undefined): JsonRpcId | undefined {
  const token = metaOf(params)?.["progressToken"];
  return isId(token) ? token : undefined;
}

/** Keeps the newest ids, so that a peer that never answers cannot make the set grow. */
function remember(ids: Set<JsonRpcId>, id: JsonRpcId): void {
  ids.add(id);
  for (const oldest of ids) {
    if (ids.size <= MAX_REMEMBERED) return;
    ids.delete(oldest);
  }
}
