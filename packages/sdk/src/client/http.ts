import * as http from "node:http";
import * as https from "node:https";
import { urlToHttpOptions } from "node:url";
import { TrustedSdkError } from "../error.ts";
import type { OuterAnswer, Sender } from "./sender.ts";

/**
 * One outer POST over `node:http(s)`: keep-alive, no redirects, no cookies, no proxies. Web `fetch`
 * would cost about as much as the rest of a call (docs/design/0005).
 */
export class HttpSender implements Sender {
  readonly #url: URL;
  readonly #target: http.RequestOptions;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  readonly #connectEvent: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #tls: https.AgentOptions;

  constructor(url: URL, headers: Readonly<Record<string, string>>, tls: https.AgentOptions = {}) {
    const secure = url.protocol === "https:";
    if (!secure && url.protocol !== "http:") {
      throw new TrustedSdkError(
        "ERR_CONFIGURATION",
        `The endpoint must be an http or https URL, not ${url.protocol}`,
        {
          action: "fix",
        },
      );
    }
    this.#url = url;
    this.#target = targetOf(url);
    this.#agent = secure ? new https.Agent({ keepAlive: true, ...tls }) : new http.Agent({ keepAlive: true });
    this.#request = secure ? https.request : http.request;
    this.#connectEvent = secure ? "secureConnect" : "connect";
    this.#headers = headers;
    this.#tls = tls;
  }

  /**
   * A connection that the server had closed while idle is the one failure that is repeated, with the
   * identical bytes: the replay window makes that safe (spec §5.2).
   */
  async post(contentType: string, body: readonly Uint8Array[], signal?: AbortSignal): Promise<OuterAnswer> {
    try {
      return await this.#once(contentType, body, this.#agent, signal);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
    }
    try {
      return await this.#once(contentType, body, false, signal);
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      // The first attempt may have arrived: whatever went wrong now proves nothing.
      const message = `The connection to ${this.#url.origin} broke before an answer came; the request may have run`;
      throw new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { cause });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(
    contentType: string,
    body: readonly Uint8Array[],
    agent: http.Agent | false,
    signal?: AbortSignal,
  ): Promise<OuterAnswer> {
    let size = 0;
    for (const part of body) size += part.length;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const request = this.#request({
        ...this.#target,
        // A connection of its own trusts what the agent's connections trust.
        ...(agent === false && this.#tls),
        method: "POST",
        agent,
        headers: {
          ...this.#headers,
          "content-type": contentType,
          "content-length": size,
          accept: "application/trusted-mcp, application/json, text/event-stream",
        },
      });
      let answered = false;
      let connected = false;
      request.once("socket", (socket) => {
        connected = !socket.connecting;
        if (!connected) socket.once(this.#connectEvent, () => (connected = true));
      });
      const failure = (cause: NodeJS.ErrnoException): TrustedSdkError =>
        connected ? broken(this.#url, cause) : unreachable(this.#url, cause);
      // By hand: with the `signal` option, an abort just after the answer ended is an error nobody hears.
      const abort = (): void => void request.destroy();
      signal?.addEventListener("abort", abort, { once: true });
      request.once("close", () => {
        signal?.removeEventListener("abort", abort);
        if (answered) return;
        // Whatever ended the request without an answer: its caller never waits for one that cannot come.
        reject(signal?.aborted === true ? abortReason(signal) : failure(new Error("closed")));
      });
      request.once("response", (message) => {
        answered = true;
        resolve(answerOf(message));
      });
      // Nobody asked for another protocol. Without a listener, Node would let the request end without a word.
      request.once("upgrade", (_, socket) => socket.destroy());
      request.on("error", (cause: NodeJS.ErrnoException) => {
        if (signal?.aborted === true) reject(abortReason(signal));
        else if (request.reusedSocket && (cause.code === "ECONNRESET" || cause.code === "EPIPE")) {
          reject(new StaleConnection());
        } else reject(failure(cause));
      });
      const [only, ...more] = body;
      if (more.length === 0) request.end(only);
      else {
        for (const part of body) request.write(part);
        request.end();
      }
    });
  }
}

/** What `http.request` takes of a URL. It reads these from a small object faster than from the URL, each time. */
function targetOf(url: URL): http.RequestOptions {
  const { protocol, hostname, port, path, auth } = urlToHttpOptions(url);
  return {
    protocol,
    hostname,
    path,
    ...(port !== undefined && { port }),
    ...(auth !== undefined && { auth }),
  };
}

class StaleConnection extends Error {}

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new DOMException("This operation was aborted", "AbortError");
}

/** No connection stood yet, so nothing of the request was sent. */
function unreachable(url: URL, cause: NodeJS.ErrnoException): TrustedSdkError {
  const why = cause.code ?? cause.message;
  const hint = NO_CONNECTION.has(why)
    ? "is the server running, and is the address right?"
    : "a TLS server must show a certificate that this machine trusts for this name; a server without TLS has an http:// address";
  const message = `No connection to ${url.origin} could be made (${why}); ${hint}`;
  return new TrustedSdkError("ERR_UNREACHABLE", message, { action: "retry", cause });
}

const NO_CONNECTION = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

function broken(url: URL, cause: NodeJS.ErrnoException): TrustedSdkError {
  const message = `The connection to ${url.origin} broke (${cause.code ?? "unknown"}) before an answer came; the request may have run`;
  return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { action: "stop", cause });
}

function answerOf(message: http.IncomingMessage): OuterAnswer {
  return {
    status: message.statusCode ?? 0,
    contentType: message.headers["content-type"],
    length: lengthOf(message),
    body: uncut(message),
    bytes: (limit) => collect(message, limit),
    cancel: () => message.destroy(),
  };
}

function lengthOf({ headers }: http.IncomingMessage): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

/** The body part by part. One that breaks off is an error of ours, whatever the socket called it. */
async function* uncut(message: http.IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const parts: AsyncIterable<Uint8Array> = message;
  try {
    for await (const part of parts) yield part;
  } catch (cause) {
    throw cut(cause);
  }
}

function cut(cause?: unknown): TrustedSdkError {
  const message = "The answer was cut on the way; whether the request ran is unknown";
  return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { cause });
}

function collect(message: http.IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    message.on("data", (part: Buffer) => {
      size += part.length;
      if (size <= limit) parts.push(part);
      else {
        message.destroy();
        reject(
          new TrustedSdkError(
            "ERR_RESPONSE_TOO_LARGE",
            `An answer is larger than the ${limit} bytes allowed`,
          ),
        );
      }
    });
    message.once("end", () => {
      const [only, ...more] = parts;
      resolve(only !== undefined && more.length === 0 ? only : Buffer.concat(parts, size));
    });
    message.once("error", (cause) => reject(cut(cause)));
    message.once("close", () => {
      if (!message.complete)
        reject(new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "The answer was cut on the way"));
    });
  });
}

/** The sender of this platform. */
export function createSender(
  url: URL,
  headers: Readonly<Record<string, string>>,
  tls?: https.AgentOptions,
): Sender {
  return new HttpSender(url, headers, tls);
}
