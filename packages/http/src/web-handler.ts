import type { Departure } from "./departure.ts";
import { HttpError } from "./error.ts";
import { field, fieldsOf, type HandlerRequest, type HandlerResponse } from "./handler.ts";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "./media-type.ts";
import { sparseRequest, webRequest, type AddressedRequest } from "./web-request.ts";
import type { Read } from "./web-stream.ts";

/** Who calls, in the form that both MCP SDKs have for it; written here, so that neither has to be there. */
export interface AuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since the epoch. */
  expiresAt?: number;
  resource?: URL;
  extra?: Record<string, unknown>;
}

/** The shape of `createMcpHandler(...)`, and of any web-standard MCP handler. */
export interface WebHandler {
  fetch(request: Request, options?: { authInfo?: AuthInfo; parsedBody?: unknown }): Promise<Response>;
}

/** Runs a web-standard handler behind a protocol. */
export function behindProtocol(
  handler: WebHandler,
): (request: AddressedRequest, authInfo?: AuthInfo) => Promise<HandlerResponse> {
  // createMcpHandler's result, and nothing else in the SDK, has these two beside fetch.
  const toRequest = "notify" in handler && "bus" in handler ? sparseRequest : webRequest;
  return async (request, authInfo) => {
    const parsedBody = parseJson(request);
    const response = await handler.fetch(toRequest(request), {
      ...(authInfo && { authInfo }),
      ...(parsedBody !== undefined && { parsedBody }),
    });
    const { status } = response;
    const headers = fieldsOf(response.headers);
    if (response.body === null) return { status, headers, body: new Uint8Array(0) };
    if (mediaType(response.headers.get("content-type")) === STREAM_MEDIA_TYPE)
      return { status, headers, body: iterate(response.body, request.departure) };
    return { status, headers, body: new Uint8Array(await response.arrayBuffer()) };
  };
}

/** A body that does not parse stays unparsed: the handler then answers as it would in plaintext. */
function parseJson({ method, headers, body }: HandlerRequest): unknown {
  if (method !== "POST" || mediaType(field(headers, "content-type")) !== JSON_MEDIA_TYPE) return undefined;
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Reads a web stream without a generator around it. It ends with the client, and then as an error. */
function iterate(body: ReadableStream<Uint8Array>, departure: Departure): AsyncIterable<Uint8Array> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  const unlisten = departure.listen(cancel);
  const take = (result: Read): IteratorResult<Uint8Array> => {
    if (departure.gone) throw new HttpError("ERR_CLOSED", "The client went away during its answer");
    if (!result.done && result.value !== undefined) return { done: false, value: result.value };
    unlisten();
    return { done: true, value: undefined };
  };
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => reader.read().then(take),
    return: () => {
      unlisten();
      cancel();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
