import { setMaxListeners } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { AiccError } from "../error.ts";

/** An outer HTTP answer; nothing of it is trusted. */
export interface OuterAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads the body whole; at most `limit` bytes. */
  bytes(limit: number): Promise<Buffer>;
  /** Drops the rest of the body. */
  cancel(): void;
}

/**
 * Idle connections are closed before the Python server's five seconds run out: a request on one that it
 * is just closing could not be repeated, because the Python server would run it twice.
 */
const IDLE_MS = 3_000;

/**
 * One HTTP request over `node:http(s)`: bodies on GET and DELETE, which web `fetch` refuses; keep-alive,
 * no redirects, no cookies, no repetitions.
 */
export class HttpSender {
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  readonly #url: URL;

  constructor(url: URL, tls: https.AgentOptions = {}) {
    const options = { keepAlive: true, timeout: IDLE_MS };
    const secure = url.protocol === "https:";
    this.#url = url;
    this.#agent = secure ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);
    this.#request = secure ? https.request : http.request;
  }

  send(
    method: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<OuterAnswer> {
    // The MCP SDK gives all its requests one signal; many at once are no leak.
    if (signal) setMaxListeners(0, signal);
    return new Promise((resolve, reject) => {
      const request = this.#request(this.#url, {
        method,
        agent: this.#agent,
        headers: { ...headers, "content-length": String(body.length) },
        ...(signal && { signal }),
      });
      request.once("response", (message) => resolve(answerOf(message)));
      request.on("error", (cause: NodeJS.ErrnoException) => reject(failure(this.#url, cause, signal)));
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function failure(url: URL, cause: NodeJS.ErrnoException, signal?: AbortSignal): Error {
  if (signal?.aborted === true) {
    const reason: unknown = signal.reason;
    return reason instanceof Error ? reason : new DOMException("This operation was aborted", "AbortError");
  }
  if (cause.code === "ECONNREFUSED" || cause.code === "ENOTFOUND" || cause.code === "EAI_AGAIN") {
    const message = `Nothing answers at ${url.origin} (${cause.code}); is the server running, and is the address right?`;
    return new AiccError("ERR_UNREACHABLE", message, { action: "retry", cause });
  }
  const message = `The connection to ${url.origin} broke (${cause.code ?? "unknown"}) before an answer came; the request may have run`;
  return new AiccError("ERR_OUTCOME_UNKNOWN", message, { cause });
}

function answerOf(message: http.IncomingMessage): OuterAnswer {
  // An aborted body errors for whoever reads it; nobody reading must not end the process.
  message.on("error", () => undefined);
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    body: whole(message),
    bytes: (limit) => collect(message, limit),
    cancel: () => message.destroy(),
  };
}

async function* whole(message: http.IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: AsyncIterable<Buffer> = message;
  try {
    for await (const chunk of chunks) yield chunk;
  } catch (cause) {
    throw new AiccError("ERR_OUTCOME_UNKNOWN", "The answer was cut on the way", { cause });
  }
}

async function collect(message: http.IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of whole(message)) {
    size += chunk.length;
    if (size > limit)
      throw new AiccError("ERR_RESPONSE_TOO_LARGE", `An answer is larger than the ${limit} bytes allowed`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
