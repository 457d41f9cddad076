import { utf8 } from "@trusted-mcp/primitives/bytes";
import { hasOffer, isFields, withAcceptance } from "../wire/capability.ts";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "../wire/http.ts";
import { splitLine, transformEvents } from "../wire/sse-lines.ts";
import { parts } from "../wire/web-stream.ts";
import { fieldsOf, parseJson, type Incoming, type Outgoing } from "./inner.ts";

/** `initialize` answers are small; `instructions` may be a few pages. */
const MAX_INITIALIZE_LINE = 4_194_304;

/**
 * The one plaintext that is served: a single `initialize` that offers AICC/0.1; null for anything else.
 * Without the offer the client would go on in plaintext, which is refused anyway; so it learns now. The
 * body is written anew: whatever a handler's own parser makes of it, it is what was looked at here.
 */
export function offeringInitialize(incoming: Incoming): Uint8Array | null {
  if (incoming.method !== "POST" || mediaType(incoming.headers.get("content-type")) !== JSON_MEDIA_TYPE)
    return null;
  const message = parseJson(incoming.body);
  if (!isFields(message) || message["method"] !== "initialize" || !hasOffer(message)) return null;
  return utf8(JSON.stringify(message));
}

/** The plain answer, with the acceptance in the place where it belongs, on event streams too. */
export async function acceptOffer(response: Response, signal: AbortSignal): Promise<Outgoing> {
  const { status, body } = response;
  const headers = fieldsOf(response.headers);
  if (body === null) return { status, headers, body: new Uint8Array(0) };
  if (mediaType(response.headers.get("content-type")) === STREAM_MEDIA_TYPE) {
    const source = parts(body, signal);
    const events = transformEvents(source, MAX_INITIALIZE_LINE, "\r\n", (line) => {
      const { field, value } = splitLine(line);
      return field === "data" ? `data: ${accepted(value)}` : line;
    });
    return { status, headers, body: events };
  }
  return { status, headers, body: utf8(accepted(await response.text())) };
}

function accepted(text: string): string {
  const answer = parseJson(utf8(text));
  return isFields(answer) ? JSON.stringify(withAcceptance(answer)) : text;
}
