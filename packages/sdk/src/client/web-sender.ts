import { concat } from "@trusted-mcp/primitives/bytes";
import { parts } from "@trusted-mcp/http/web-stream";
import { TrustedSdkError } from "../error.ts";
import type { OuterAnswer, Sender } from "./sender.ts";

/**
 * Outer POSTs over `fetch`, for browsers: no redirects, no cookies, no cache, no referrer. A browser does not say
 * why a request failed, so nothing is repeated here; what it repeats itself on a connection that had closed are
 * identical bytes, which the replay window makes safe (spec §5.2).
 */
export class WebSender implements Sender {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  #answered = false;

  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      const message = `The endpoint must be an http or https URL, not ${url.protocol}`;
      throw new TrustedSdkError("ERR_CONFIGURATION", message, { action: "fix" });
    }
    this.#url = url;
    this.#headers = headers;
  }

  async post(contentType: string, body: readonly Uint8Array[], signal?: AbortSignal): Promise<OuterAnswer> {
    signal?.throwIfAborted();
    const cancel = new AbortController();
    const ended = signal === undefined ? cancel.signal : AbortSignal.any([signal, cancel.signal]);
    const answer = await this.#fetch(contentType, concat(...body), ended);
    this.#answered = true;
    return answerOf(answer, cancel, signal);
  }

  /** Connections are the browser's. */
  close(): void {}

  async #fetch(contentType: string, body: Uint8Array, signal: AbortSignal): Promise<Response> {
    // `cache` is the browser's: Node's own types do not know it.
    const init: RequestInit & { readonly cache: "no-store" } = {
      method: "POST",
      headers: {
        ...this.#headers,
        "content-type": contentType,
        accept: "application/trusted-mcp, application/json, text/event-stream",
      },
      body: body as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal,
    };
    try {
      return await globalThis.fetch(this.#url, init);
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw this.#answered ? broken(this.#url, cause) : unreachable(this.#url, cause);
    }
  }
}

/** What came first was a handshake, which changes nothing: until it is answered no call can have been sent. */
function unreachable(url: URL, cause: unknown): TrustedSdkError {
  const message = `No answer came from ${url.origin}: is the server running, is the address right, and does it allow pages of this origin (allowedOrigins, or --allow-origin)? The browser's console says which`;
  return new TrustedSdkError("ERR_UNREACHABLE", message, { action: "retry", cause });
}

function broken(url: URL, cause: unknown): TrustedSdkError {
  const message = `The connection to ${url.origin} broke before an answer came; the request may have run`;
  return new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { cause });
}

function answerOf(response: Response, cancel: AbortController, signal: AbortSignal | undefined): OuterAnswer {
  const { body } = response;
  // Of a redirect the browser shows only that there was one (Fetch §3.2, opaque-redirect).
  const status = response.type === "opaqueredirect" ? 302 : response.status;
  const read = body === null ? nothing() : uncut(body, signal);
  return {
    status,
    contentType: response.headers.get("content-type") ?? undefined,
    body: read,
    bytes: (limit) => collect(read, limit),
    cancel: () => cancel.abort(),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

/** The body part by part. One that breaks off is an error of ours, whatever the browser called it. */
async function* uncut(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const part of parts(body)) yield part;
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    const message = "The answer was cut on the way; whether the request ran is unknown";
    throw new TrustedSdkError("ERR_OUTCOME_UNKNOWN", message, { cause });
  }
}

async function collect(read: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let size = 0;
  for await (const part of read) {
    size += part.length;
    if (size > limit) {
      throw new TrustedSdkError(
        "ERR_RESPONSE_TOO_LARGE",
        `An answer is larger than the ${limit} bytes allowed`,
      );
    }
    all.push(part);
  }
  return concat(...all);
}

/** The sender of this platform. */
export function createSender(url: URL, headers: Readonly<Record<string, string>>, tls?: object): Sender {
  if (tls !== undefined) {
    const message = "`tls` is for Node: in a browser TLS is the browser's";
    throw new TrustedSdkError("ERR_CONFIGURATION", message, { action: "fix" });
  }
  return new WebSender(url, headers);
}
