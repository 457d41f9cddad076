import type { Log } from "../log.ts";
import { readText } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { isRecord, type RpcRequest, sort, type Sorted } from "./json-rpc.ts";
import { claimedVersion, ToolCatalogue } from "./mcp-headers.ts";
import { isInitialize, type Upstream } from "./upstream.ts";

/** A header does not match the body (revision 2026-07-28): the server refused before it ran anything. */
const HEADER_MISMATCH = -32020;
const MAX_PAGES = 100;

/**
 * Sends a host's requests, and sends again only where the server has said for certain that nothing ran:
 * an unknown session (legacy) and a missing header (modern).
 */
export class Courier {
  readonly #upstream: Upstream;
  readonly #log: Log;
  readonly #catalogue = new ToolCatalogue();
  /** The legacy GET stream belongs to the session and must follow it. */
  readonly #onNewSession: () => void;

  constructor(upstream: Upstream, log: Log, onNewSession: () => void) {
    this.#upstream = upstream;
    this.#log = log;
    this.#onNewSession = onNewSession;
  }

  async send(exchange: Exchange, signal: AbortSignal): Promise<Response> {
    const session = this.#upstream.sessionId;
    const { text, sorted, modern } = exchange;
    const response = await this.#upstream.post(text, sorted, signal, this.#paramHeaders(sorted));
    if (response.status === 404 && session !== undefined && !modern && !isInitialize(sorted)) {
      return this.#inNewSession(exchange, response, session, signal);
    }
    const [request] = sorted.requests;
    if (response.status === 400 && modern && request?.method === "tools/call") {
      return this.#withParamHeaders(exchange, response, request, signal);
    }
    return response;
  }

  /** What an answer teaches: the agreed version, and which arguments are mirrored in headers. */
  learn({ sorted, modern }: Exchange, request: RpcRequest, result: unknown): void {
    if (isInitialize(sorted)) this.#upstream.initialized(result);
    if (modern && request.method === "tools/list") this.#catalogue.learn(request, result);
  }

  async #inNewSession(
    exchange: Exchange,
    refusal: Response,
    stale: string,
    signal: AbortSignal,
  ): Promise<Response> {
    const body = await readText(refusal, signal);
    this.#log.warn("the server has forgotten the MCP session; opening a new one");
    if (!(await this.#upstream.renew(stale, signal))) return new Response(body, { status: 404 });
    this.#onNewSession();
    return this.#upstream.post(exchange.text, exchange.sorted, signal);
  }

  async #withParamHeaders(
    exchange: Exchange,
    refusal: Response,
    call: RpcRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const body = await readText(refusal, signal);
    const mismatch = sort(body)?.responses.some(({ error }) => error?.["code"] === HEADER_MISMATCH) === true;
    if (mismatch) await this.#listTools(call, signal);
    const headers = this.#paramHeaders(exchange.sorted);
    if (!mismatch || Object.keys(headers).length === 0) return new Response(body, { status: 400 });
    return this.#upstream.post(exchange.text, exchange.sorted, signal, headers);
  }

  #paramHeaders(sorted: Sorted): Record<string, string> {
    const [request] = sorted.requests;
    return request === undefined || claimedVersion(request) === undefined
      ? {}
      : this.#catalogue.headers(request);
  }

  /** A host may call a tool without listing first; which headers that needs is said in the list. */
  async #listTools(call: RpcRequest, signal: AbortSignal): Promise<void> {
    const meta = isRecord(call.params["_meta"]) ? { ...call.params["_meta"] } : {};
    delete meta["progressToken"];
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page++) {
      const params = { _meta: meta, ...(typeof cursor === "string" ? { cursor } : {}) };
      const request: RpcRequest = { id: `trusted-mcp-tools-${page}`, method: "tools/list", params };
      const sorted: Sorted = { requests: [request], notifications: [], responses: [], batch: false };
      const result = await this.#upstream.ask(JSON.stringify({ jsonrpc: "2.0", ...request }), sorted, signal);
      this.#catalogue.learn(request, result);
      cursor = isRecord(result) ? result["nextCursor"] : undefined;
      if (typeof cursor !== "string") return;
    }
  }
}
