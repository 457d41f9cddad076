import { type HandlerResponse } from "@trusted-mcp/http/handler";
import { JSON_MEDIA_TYPE, mediaType } from "@trusted-mcp/http/media-type";
import { utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { hasOffer, isFields, withAcceptance } from "../wire/capability.ts";
import { splitLine, transformEvents } from "../wire/sse-lines.ts";
import { fieldOf, parseJson, type Incoming } from "./inner.ts";

/** `initialize` answers are small; `instructions` may be a few pages. */
const MAX_INITIALIZE_LINE = 4_194_304;

/**
 * The one plaintext that is served: a single `initialize` that offers AICC/0.1; null for anything else.
 * Without the offer the client would go on in plaintext, which is refused anyway; so it learns now. The
 * body is written anew: whatever a handler's own parser makes of it, it is what was looked at here.
 */
export function offeringInitialize(incoming: Incoming): Uint8Array | null {
  if (incoming.method !== "POST" || mediaType(fieldOf(incoming, "content-type")) !== JSON_MEDIA_TYPE)
    return null;
  const message = parseJson(incoming.body);
  if (!isFields(message) || message["method"] !== "initialize" || !hasOffer(message)) return null;
  return utf8(JSON.stringify(message));
}

/** The plain answer, with the acceptance in the place where it belongs, on event streams too. */
export function acceptOffer({ status, headers, body }: HandlerResponse): HandlerResponse {
  if (body instanceof Uint8Array) return { status, headers, body: utf8(accepted(body)) };
  const events = transformEvents(body, MAX_INITIALIZE_LINE, "\r\n", (line) => {
    const { field, value } = splitLine(line);
    return field === "data" ? `data: ${accepted(utf8(value))}` : line;
  });
  return { status, headers, body: events };
}

function accepted(text: Uint8Array): string {
  const answer = parseJson(text);
  return isFields(answer) ? JSON.stringify(withAcceptance(answer)) : utf8Decode(text);
}
