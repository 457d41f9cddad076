import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { HTTP_REFUSED, INVALID_REQUEST, PARSE_ERROR, refuse } from "./answer.ts";
import { MAX_JSON_DEPTH, tooDeep } from "./json-depth.ts";

export interface JsonBody {
  readonly text: string;
  readonly value: unknown;
}

/** Reads a request's JSON body within a bound, or gives the refusal to answer with. */
export async function readJson(
  request: Request,
  parsedBody: unknown,
  maxBytes: number,
): Promise<JsonBody | Response> {
  if (parsedBody !== undefined) {
    const text = JSON.stringify(parsedBody);
    return text === undefined || text.length > maxBytes ? tooLarge(maxBytes) : bounded(text, parsedBody);
  }
  const bytes = await readBounded(request, maxBytes);
  if (bytes === undefined) return tooLarge(maxBytes);
  try {
    // Strict UTF-8: with replacement characters this side and the server would not read the same text.
    const text = utf8Decode(bytes);
    const value: unknown = JSON.parse(text);
    return bounded(text, value);
  } catch {
    return refuse(400, PARSE_ERROR, "Parse error: the request body is not valid JSON");
  }
}

function bounded(text: string, value: unknown): JsonBody | Response {
  if (!tooDeep(text)) return { text, value };
  return refuse(400, INVALID_REQUEST, `Invalid Request: nested more than ${MAX_JSON_DEPTH} levels deep`);
}

/** The whole body, or undefined as soon as it is over the bound. */
export async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return undefined;
  if (request.body === null) return new Uint8Array(0);
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      // Not awaited: a slow sender must not hold the refusal back.
      reader.cancel().catch(() => undefined);
      return undefined;
    }
    parts.push(value);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
}

function tooLarge(maxBytes: number): Response {
  return refuse(413, HTTP_REFUSED, `Payload Too Large: a request body is at most ${maxBytes} bytes`);
}
