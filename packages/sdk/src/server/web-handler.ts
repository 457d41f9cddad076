import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "../wire.ts";
import { TrustedSdkError } from "../error.ts";
import type { Read } from "../web-stream.ts";
import { authInfoOf, type AuthInfo } from "./auth-info.ts";
import type { Departure } from "./departure.ts";
import { field, fieldsOf, type InnerHandler, type InnerRequest } from "./inner.ts";
import { sparseRequest, webRequest } from "./request.ts";

/** The shape of `createMcpHandler(...)`, and of any web-standard MCP handler. */
export interface WebHandler {
  fetch(request: Request, options?: { authInfo?: AuthInfo; parsedBody?: unknown }): Promise<Response>;
}

/** Runs a web-standard handler behind the channel. */
export function behindChannel(handler: WebHandler): InnerHandler {
  // createMcpHandler's result, and nothing else in the SDK, has these two beside fetch.
  const toRequest = "notify" in handler && "bus" in handler ? sparseRequest : webRequest;
  return async (inner) => {
    const authInfo = authInfoOf(inner.session);
    const parsedBody = parseJson(inner);
    const response = await handler.fetch(toRequest(inner), {
      ...(authInfo && { authInfo }),
      ...(parsedBody !== undefined && { parsedBody }),
    });
    const headers = fieldsOf(response.headers);
    if (response.body === null) return { status: response.status, headers, body: new Uint8Array(0) };
    if (mediaType(response.headers.get("content-type")) === STREAM_MEDIA_TYPE) {
      return { status: response.status, headers, body: iterate(response.body, inner.departure) };
    }
    return { status: response.status, headers, body: new Uint8Array(await response.arrayBuffer()) };
  };
}

/** A body that does not parse stays unparsed: the handler then answers as it would in plaintext. */
function parseJson(inner: InnerRequest): unknown {
  if (inner.method !== "POST" || mediaType(field(inner.headers, "content-type")) !== JSON_MEDIA_TYPE)
    return undefined;
  try {
    return JSON.parse(
      Buffer.from(inner.body.buffer, inner.body.byteOffset, inner.body.byteLength).toString("utf8"),
    );
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
    if (departure.gone) throw new TrustedSdkError("ERR_CLOSED", "The client went away during its answer");
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
