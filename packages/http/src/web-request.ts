import type { HandlerRequest } from "./handler.ts";

/** A request with the address that a web-standard handler is to see, and only the fields that it is to see. */
export interface AddressedRequest extends HandlerRequest {
  readonly url: string;
}

/** The web `Request` of a handler. */
export function webRequest(request: AddressedRequest): Request {
  const { url, method, headers, departure } = request;
  const body = method === "POST" ? { body: Buffer.from(request.body) } : {};
  return new Request(url, { method, headers: headersOf(headers), signal: departure.signal, ...body });
}

/**
 * The same for the MCP SDK's own handler, which is given the parsed body and then reads only method,
 * URL, header fields and signal: anything else is built when asked for. Building a `Request` costs
 * more than opening the record it came in (docs/design/0004).
 */
export function sparseRequest(request: AddressedRequest): Request {
  return new SparseRequest(request) as unknown as Request;
}

class SparseRequest {
  readonly method: string;
  readonly url: string;
  readonly #request: AddressedRequest;
  #headers: Headers | null = null;
  #whole: Request | null = null;

  constructor(request: AddressedRequest) {
    this.method = request.method;
    this.url = request.url;
    this.#request = request;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#request.headers);
    return this.#headers;
  }

  get signal(): AbortSignal {
    return this.#request.departure.signal;
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
    this.#whole ??= webRequest(this.#request);
    return this.#whole;
  }
}

function headersOf(fields: HandlerRequest["headers"]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}
