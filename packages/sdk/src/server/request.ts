import type { HeaderFields } from "@trusted-mcp/channel";
import type { InnerRequest } from "./inner.ts";

/**
 * The web `Request` that a wrapped handler sees. Its URL is the audience that the client proved to
 * mean, never the outer Host header.
 */
export function webRequest(inner: InnerRequest): Request {
  const body = inner.method === "POST" ? { body: Buffer.from(inner.body) } : {};
  return new Request(innerUrl(inner), {
    method: inner.method,
    headers: headersOf(inner.headers),
    signal: inner.departure.signal,
    ...body,
  });
}

/**
 * The same for the MCP SDK's own handler, which is given the parsed body and then reads only method,
 * URL, header fields and signal: anything else is built when asked for. Building a `Request` costs
 * more than opening the record it came in (docs/design/0004).
 */
export function sparseRequest(inner: InnerRequest): Request {
  return new SparseRequest(inner) as unknown as Request;
}

class SparseRequest {
  readonly method: string;
  readonly #inner: InnerRequest;
  #headers: Headers | null = null;
  #whole: Request | null = null;

  constructor(inner: InnerRequest) {
    this.method = inner.method;
    this.#inner = inner;
  }

  get url(): string {
    return innerUrl(this.#inner);
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#inner.headers);
    return this.#headers;
  }

  get signal(): AbortSignal {
    return this.#inner.departure.signal;
  }

  get body(): Request["body"] {
    return this.#build().body;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  clone(): Request {
    return this.#build().clone();
  }

  text(): Promise<string> {
    return this.#build().text();
  }

  json(): Promise<unknown> {
    return this.#build().json();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#build().arrayBuffer();
  }

  #build(): Request {
    this.#whole ??= webRequest(this.#inner);
    return this.#whole;
  }
}

/** The address that the client proved to mean, never the outer Host header. */
export function innerUrl(inner: InnerRequest): string {
  const { audience } = inner.session;
  // ASCII only: on Node 20 and 22 an optimised `URL.canParse` takes Latin-1 for UTF-8, and `new Request` throws.
  return /^[!-~]+$/.test(audience) && URL.canParse(audience) ? audience : "http://localhost/mcp";
}

/** Fields about an HTTP connection that does not exist inside the channel (RFC 9110 §7.6.1). */
const IGNORED = new Set([
  "host",
  "connection",
  "proxy-connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
  "te",
  "trailer",
  "expect",
]);

/** What proxies say about whom they speak for (RFC 7239): nobody between the ends can have written it. */
const PROXIES = /^(?:forwarded|x-forwarded-.*|x-real-ip)$/;

/** The fields of a sealed request that the handler behind the channel is shown. */
export function innerFields(fields: HeaderFields): HeaderFields {
  return fields.filter(([name]) => !IGNORED.has(name) && !PROXIES.test(name));
}

function headersOf(fields: HeaderFields): Headers {
  const headers = new Headers();
  for (const [name, value] of innerFields(fields)) headers.append(name, value);
  return headers;
}
