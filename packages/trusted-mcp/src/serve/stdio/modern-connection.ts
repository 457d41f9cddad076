import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  SUBSCRIPTION_ID_META_KEY,
} from "@modelcontextprotocol/server";
import type { Log } from "../../log.ts";
import { busy, INTERNAL_ERROR, METHOD_NOT_FOUND, rpcError, SSE_TYPE } from "../answer.ts";
import { isObject } from "../handler.ts";
import { type Edit, oneLine, splice } from "../json-splice.ts";
import { isId, type JsonRpcId, type JsonRpcMessage, type JsonRpcRequest, metaOf } from "../json-rpc.ts";
import type { ServeLimits } from "../limits.ts";
import type { Child, ChildEnd } from "./child.ts";
import { cutOff } from "./cut-off.ts";
import { Exchange } from "./exchange.ts";
import { Flow } from "./flow.ts";
import { modernStatus } from "./modern-status.ts";
import type { Tenant } from "./pool.ts";
import { ServerKnowledge } from "./server-knowledge.ts";
import { ServerOutput } from "./server-output.ts";

interface Call {
  readonly exchange: Pick<Exchange, "push" | "answer">;
  readonly request: JsonRpcRequest;
  readonly onAnswer: ((error: Readonly<Record<string, unknown>> | undefined) => void) | undefined;
}

export interface ModernConnectionOptions {
  readonly limits: ServeLimits;
  readonly log: Log;
}

export interface PostOptions {
  readonly text: string;
  readonly message: JsonRpcRequest;
  readonly request: Request;
  /** Told of the answer's error, or of its absence, when the server answered. */
  readonly onAnswer?: (error: Readonly<Record<string, unknown>> | undefined) => void;
}

const LOG_LEVEL = "io.modelcontextprotocol/logLevel";
const DISCOVER = "server/discover";
const LISTEN = "subscriptions/listen";
const TOKEN_PATH = ["params", "_meta", "progressToken"];

/**
 * One child that serves all 2026-07-28 requests of one peer. Its callers know nothing of each other, so every
 * id they chose is replaced by one that is unique here, both ways: they can neither collide nor meet.
 */
export class ModernConnection implements Tenant {
  usedAt: number = performance.now();
  readonly left = false;
  readonly knowledge: ServerKnowledge = new ServerKnowledge();
  readonly #options: ModernConnectionOptions;
  readonly #output: ServerOutput;
  readonly #calls = new Map<number, Call>();
  readonly #flow: Flow;
  #child: Child | undefined;
  #nextId = 1;
  #probing = true;
  #over = false;

  constructor(options: ModernConnectionOptions) {
    this.#options = options;
    this.#output = new ServerOutput(options.log, (message, line) => this.#route(message, line));
    this.#flow = new Flow({
      pause: () => this.#child?.pause(),
      resume: () => this.#child?.resume(),
      stallMs: options.limits.stallMs,
    });
  }

  get busy(): boolean {
    return this.#calls.size > 0;
  }

  get probing(): boolean {
    return this.#probing;
  }

  get over(): boolean {
    return this.#over || this.#child?.over === true;
  }

  start(child: Child): void {
    this.#child = child;
  }

  async stop(why: string): Promise<void> {
    await this.#child?.stop(why);
  }

  async post({ text, message, request, onAnswer }: PostOptions): Promise<Response> {
    this.usedAt = performance.now();
    if (this.#over) return busy("The MCP server process has ended", 1, message.id);
    if (this.#calls.size >= this.#options.limits.maxInFlight)
      return busy("Too many calls are under way", 1, message.id);
    if (this.#child?.backedUp === true) return busy("The MCP server does not keep up", 1, message.id);
    if (message.method !== DISCOVER) this.#probing = false;
    const id = this.#nextId++;
    const accept = request.headers.get("accept") ?? "*/*";
    const exchange = new Exchange({
      expected: 1,
      batch: false,
      canStream: accept.includes(SSE_TYPE) || accept.includes("*/*"),
      keepAliveMs: this.#options.limits.keepAliveMs,
      flow: this.#flow,
      // 2026-07-28 §transports: closing the response stream is how a request is cancelled.
      onGone: () => this.#cancel(id, "the client closed the request"),
    });
    this.#calls.set(id, { exchange, request: message, onAnswer });
    request.signal.addEventListener("abort", () => exchange.gone(), { once: true });
    const own = String(id);
    await this.#child?.send(
      oneLine(
        splice(text, [
          { path: ["id"], json: own },
          { path: TOKEN_PATH, json: own },
        ]),
      ),
    );
    if (request.signal.aborted) exchange.gone();
    return exchange.response;
  }

  /** Asks the server something for this program itself; undefined when there is no result in time. */
  async ask(method: string, params: Record<string, unknown>, version: string): Promise<unknown> {
    if (this.#over) return undefined;
    const id = this.#nextId++;
    const _meta = { [PROTOCOL_VERSION_META_KEY]: version, [CLIENT_CAPABILITIES_META_KEY]: {} };
    const value = { jsonrpc: "2.0", id, method, params: { ...params, _meta } };
    const result = new Promise<unknown>((resolve) => {
      const timer = setTimeout(resolve, this.#options.limits.discoverTimeoutMs).unref();
      const answer = (message: Uint8Array): void => {
        clearTimeout(timer);
        const parsed: unknown = JSON.parse(Buffer.from(message).toString("utf8"));
        resolve(isObject(parsed) ? parsed["result"] : undefined);
      };
      const request: JsonRpcRequest = { kind: "request", id, method, params: value.params, value };
      this.#calls.set(id, { exchange: { push: () => false, answer }, request, onAnswer: undefined });
    });
    await this.#child?.send(JSON.stringify(value));
    try {
      return await result;
    } finally {
      this.#calls.delete(id);
    }
  }

  /** A notification with its own envelope; those that name ids have no meaning between callers and stay here. */
  async notify(text: string): Promise<void> {
    this.usedAt = performance.now();
    await this.#child?.send(oneLine(text));
  }

  /** Answers a call in the server's place. */
  settle(request: JsonRpcRequest, code: number, message: string): void {
    for (const [id, call] of this.#calls) {
      if (call.request !== request) continue;
      this.#calls.delete(id);
      call.exchange.answer(Buffer.from(rpcError(request.id, code, message)), modernStatus(code));
    }
  }

  onLine(line: Buffer): void {
    this.#output.take(line);
  }

  onEnd(end: ChildEnd): void {
    this.#over = true;
    for (const { exchange, request } of this.#calls.values()) {
      // A server that ends at a method it does not know has answered as well as it can: SDK clients take
      // "method not found" for an earlier era and go on with `initialize`.
      const code = request.method === DISCOVER && this.#probing ? METHOD_NOT_FOUND : INTERNAL_ERROR;
      exchange.answer(Buffer.from(cutOff(request.id, request.method, end.why, code)), modernStatus(code));
    }
    this.#calls.clear();
  }

  #route(message: JsonRpcMessage, line: Buffer): void {
    if (message.kind === "response") return this.#answer(message.id, message.error, message.result, line);
    if (message.kind === "request") {
      // 2026-07-28 has no requests from server to client: they are `input_required` results now.
      void this.#child?.send(
        rpcError(message.id, METHOD_NOT_FOUND, "This protocol revision has no requests to the client"),
      );
      return;
    }
    const meta = metaOf(message.params);
    if (message.method === "notifications/progress")
      this.#pass(message.params?.["progressToken"], line, tokenEdit);
    else if (meta !== undefined && SUBSCRIPTION_ID_META_KEY in meta)
      this.#pass(meta[SUBSCRIPTION_ID_META_KEY], line, subscriptionEdit);
    else if (message.method === "notifications/message") this.#newestWithLogs()?.push(line);
  }

  #answer(
    id: JsonRpcId | null,
    error: Readonly<Record<string, unknown>> | undefined,
    result: unknown,
    line: Buffer,
  ): void {
    const call = typeof id === "number" ? this.#calls.get(id) : undefined;
    // Not ours, or cancelled meanwhile.
    if (call === undefined || typeof id !== "number") return;
    this.usedAt = performance.now();
    this.#calls.delete(id);
    if (error === undefined) {
      this.#probing = false;
      this.knowledge.learn(call.request.method, result);
    }
    const original = JSON.stringify(call.request.id);
    const edits: Edit[] = [{ path: ["id"], json: original }];
    if (call.request.method === LISTEN && isObject(result)) {
      edits.push({ path: ["result", "_meta", SUBSCRIPTION_ID_META_KEY], json: original });
    }
    const code = error?.["code"];
    call.exchange.answer(edited(line, edits), typeof code === "number" ? modernStatus(code) : 200);
    call.onAnswer?.(error);
  }

  /** Hands a notification to the call whose id it carries, with that call's own id in it. */
  #pass(id: unknown, line: Buffer, edit: (call: Call) => Edit): void {
    const call = typeof id === "number" ? this.#calls.get(id) : undefined;
    call?.exchange.push(edited(line, [edit(call)]));
  }

  /** stdio does not say which call a log line belongs to; only calls that asked for logs may get one. */
  #newestWithLogs(): Call["exchange"] | undefined {
    const asked = [...this.#calls.values()].filter(
      ({ request }) => metaOf(request.params)?.[LOG_LEVEL] !== undefined,
    );
    return asked.at(-1)?.exchange;
  }

  #cancel(id: number, reason: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    this.usedAt = performance.now();
    const params = { _meta: envelopeOf(call.request), requestId: id, reason };
    void this.#child?.send(JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params }));
  }
}

function edited(line: Buffer, edits: readonly Edit[]): Buffer {
  return Buffer.from(splice(line.toString("utf8"), edits));
}

function tokenEdit({ request }: Call): Edit {
  const token = metaOf(request.params)?.["progressToken"];
  return { path: ["params", "progressToken"], json: JSON.stringify(isId(token) ? token : null) };
}

function subscriptionEdit({ request }: Call): Edit {
  return { path: ["params", "_meta", SUBSCRIPTION_ID_META_KEY], json: JSON.stringify(request.id) };
}

/** The envelope of the request goes with its cancellation: without it a server may take us for the earlier era. */
function envelopeOf(request: JsonRpcRequest): Record<string, unknown> {
  const meta = metaOf(request.params);
  const keys = [PROTOCOL_VERSION_META_KEY, CLIENT_INFO_META_KEY, CLIENT_CAPABILITIES_META_KEY];
  return Object.fromEntries(
    keys.filter((key) => meta !== undefined && key in meta).map((key) => [key, meta?.[key]]),
  );
}
