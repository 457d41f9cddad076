import { ProgramError } from "../error.ts";
import { chunks, discard, mediaType, readText } from "./body.ts";
import { isRecord, oneLine, type RpcNotification, type RpcRequest, sort, type Sorted } from "./json-rpc.ts";
import { claimedVersion, modernHeaders } from "./mcp-headers.ts";
import { sseEvents, type SseState } from "./sse.ts";
import { backoff, wait, within } from "./wait.ts";

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const MAX_RESUMES = 5;

/**
 * The Streamable HTTP side of a stdio bridge, in both eras: it adds the headers that a pipe has no place
 * for, keeps the legacy session, and turns bodies and event streams back into messages, verbatim.
 */
export class Upstream {
  readonly #url: URL;
  readonly #fetch: Fetch;
  #sessionId: string | undefined;
  /** Legacy: agreed in `initialize`. */
  #protocolVersion: string | undefined;
  /** Modern: the last one claimed, for notifications that carry no envelope. */
  #modernVersion: string | undefined;
  #initialize: { readonly text: string; readonly sorted: Sorted } | undefined;
  #renewal: Promise<boolean> | undefined;

  constructor(url: URL, fetch: Fetch) {
    this.#url = url;
    this.#fetch = fetch;
  }

  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Sends one message or batch; resolves with the answer's head, whatever its status. */
  async post(
    text: string,
    sorted: Sorted,
    signal: AbortSignal,
    extra: Record<string, string> = {},
  ): Promise<Response> {
    const opening = isInitialize(sorted);
    if (opening) this.#initialize = { text, sorted };
    const response = await this.#fetch(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...this.#eraHeaders(sorted, opening),
        ...extra,
      },
      body: text,
      redirect: "manual",
      signal,
    });
    if (opening && response.ok) {
      this.#sessionId = response.headers.get("mcp-session-id") ?? undefined;
      this.#protocolVersion = undefined;
    }
    return response;
  }

  /** Takes the agreed version from the result of `initialize` (legacy lifecycle, version negotiation). */
  initialized(result: unknown): void {
    const version = isRecord(result) ? result["protocolVersion"] : undefined;
    this.#protocolVersion =
      typeof version === "string" && /^[\x21-\x7e]{1,64}$/.test(version) ? version : undefined;
  }

  /**
   * The JSON texts of an answer. A stream that gave event ids is resumed by GET when it ends before
   * `complete()`; the request itself is never sent again.
   */
  async *messages(response: Response, signal: AbortSignal, complete: () => boolean): AsyncGenerator<string> {
    const type = mediaType(response);
    if (type === "application/json") {
      const text = await readText(response, signal);
      if (text.trim() !== "") yield oneLine(text);
      return;
    }
    if (type !== "text/event-stream" || response.body === null) {
      discard(response);
      throw new ProgramError(
        "ERR_BAD_ANSWER",
        `the server answered ${response.status} with content that is not MCP`,
      );
    }
    const state: SseState = { lastEventId: "", retry: undefined };
    let current: Response | undefined = response;
    let failures = 0;
    let failure: Error | undefined;
    while (!complete()) {
      try {
        if (current !== undefined) {
          yield* eventData(current, state, signal);
          [failures, failure] = [0, undefined];
        }
      } catch (error) {
        [failures, failure] = [failures + 1, asError(error)];
      }
      // Closing early on purpose and being polled is the server's right (2025-11-25, Streamable HTTP): only
      // failures are counted.
      if (complete() || state.lastEventId === "" || failures > MAX_RESUMES) break;
      if (!(await wait(state.retry ?? backoff(failures), signal))) break;
      current = await this.#get(state.lastEventId, signal).catch((error: unknown) => {
        [failures, failure] = [failures + 1, asError(error)];
        return undefined;
      });
      if (current === undefined || current.ok) continue;
      discard(current);
      if (current.status < 500) break;
      [failures, current] = [failures + 1, undefined];
    }
    if (failure !== undefined && !complete()) throw failure;
  }

  /**
   * The legacy GET stream: yields until the server says that it has none, or `signal` aborts. Proxies cut
   * quiet streams, and opening one anew changes nothing at the server: so whatever failed is tried again.
   */
  async *listen(signal: AbortSignal, onFailure: (error: unknown) => void): AsyncGenerator<string> {
    const state: SseState = { lastEventId: "", retry: undefined };
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const response = await this.#get(state.lastEventId, signal);
        if (!response.ok) {
          discard(response);
          // 405: the server offers no stream; 404: the session is gone; asking again makes neither better.
          if (response.status < 500) return;
        } else {
          for await (const data of eventData(response, state, signal)) {
            attempt = 0;
            yield data;
          }
        }
      } catch (error) {
        if (!signal.aborted) onFailure(error);
      }
      await wait(state.retry ?? backoff(attempt), signal);
    }
  }

  /** Ends the legacy session, within a bounded time; a server may refuse (405). */
  async terminate(ms: number): Promise<void> {
    if (this.#sessionId === undefined) return;
    const stop = new AbortController();
    const headers = this.#legacyHeaders();
    this.#sessionId = undefined;
    const gone = this.#fetch(this.#url, {
      method: "DELETE",
      headers,
      redirect: "manual",
      signal: stop.signal,
    }).then(discard);
    await within(
      ms,
      gone.catch(() => undefined),
    );
    stop.abort();
  }

  /**
   * The server no longer knows the session (404, so nothing was executed): opens a new one with the host's
   * own `initialize`. True when `stale` has a successor.
   */
  async renew(stale: string, signal: AbortSignal): Promise<boolean> {
    if (this.#sessionId !== stale) return this.#sessionId !== undefined;
    this.#renewal ??= this.#reinitialize(signal).finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #reinitialize(signal: AbortSignal): Promise<boolean> {
    if (this.#initialize === undefined) return false;
    const { text, sorted } = this.#initialize;
    const result = await this.ask(text, sorted, signal);
    if (result === undefined) return false;
    this.initialized(result);
    const ready = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
    const accepted = await this.post(
      ready,
      { ...EMPTY, notifications: [{ method: "notifications/initialized", params: {} }] },
      signal,
    );
    discard(accepted);
    return accepted.ok;
  }

  /** Sends one request of the bridge's own and returns its result; undefined when it was refused. */
  async ask(text: string, sorted: Sorted, signal: AbortSignal): Promise<unknown> {
    const response = await this.post(text, sorted, signal);
    if (!response.ok) {
      discard(response);
      return undefined;
    }
    const id = sorted.requests[0]?.id;
    let result: unknown;
    for await (const message of this.messages(response, signal, () => result !== undefined)) {
      result ??= sort(message)?.responses.find((candidate) => candidate.id === id)?.result;
    }
    return result;
  }

  async #get(lastEventId: string, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: "text/event-stream", ...this.#legacyHeaders() };
    if (lastEventId !== "") headers["last-event-id"] = lastEventId;
    return this.#fetch(this.#url, { method: "GET", headers, redirect: "manual", signal });
  }

  #eraHeaders(sorted: Sorted, opening: boolean): Record<string, string> {
    const message: RpcRequest | RpcNotification | undefined = sorted.requests[0] ?? sorted.notifications[0];
    const version = message === undefined ? undefined : claimedVersion(message);
    if (version !== undefined && message !== undefined && !sorted.batch) {
      this.#modernVersion = version;
      return modernHeaders(message, version);
    }
    if (opening) return {};
    if (this.#protocolVersion !== undefined || this.#sessionId !== undefined) return this.#legacyHeaders();
    const spoken = this.#modernVersion;
    return spoken === undefined || sorted.requests.length > 0 ? {} : { "mcp-protocol-version": spoken };
  }

  #legacyHeaders(): Record<string, string> {
    return {
      ...(this.#sessionId === undefined ? {} : { "mcp-session-id": this.#sessionId }),
      ...(this.#protocolVersion === undefined ? {} : { "mcp-protocol-version": this.#protocolVersion }),
    };
  }
}

const EMPTY: Sorted = { requests: [], notifications: [], responses: [], batch: false };

/** `initialize` of the legacy era; the modern era has none. */
export function isInitialize(sorted: Sorted): boolean {
  const [request] = sorted.requests;
  return !sorted.batch && request?.method === "initialize" && claimedVersion(request) === undefined;
}

async function* eventData(response: Response, state: SseState, signal: AbortSignal): AsyncGenerator<string> {
  for await (const { event, data } of sseEvents(chunks(response, signal), state)) {
    if (event === "message" && data !== "") yield oneLine(data);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
