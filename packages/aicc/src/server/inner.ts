import { field, type HandlerRequest } from "@trusted-mcp/http/handler";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { SEALED_HEADER } from "../wire/http.ts";

/** An outer HTTP request, from whichever front. */
export interface Incoming extends HandlerRequest {
  readonly source: string;
}

/** These describe the sealed message, not the one inside. */
const OUTER_FIELDS = new Set(["content-length", "content-encoding", "transfer-encoding", SEALED_HEADER]);

/** The request as it was before it was sealed. */
export function innerRequest(incoming: Incoming, body: Uint8Array): HandlerRequest {
  const { method, headers, source, departure } = incoming;
  const post = method === "POST";
  const kept = headers.filter(([name]) => !OUTER_FIELDS.has(name) && !(post && name === "content-type"));
  return {
    method,
    headers: post ? [...kept, ["content-type", JSON_MEDIA_TYPE]] : kept,
    body,
    source,
    departure,
  };
}

/** Undefined for what does not parse. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

export function fieldOf({ headers }: Incoming, name: string): string {
  return field(headers, name) ?? "";
}
