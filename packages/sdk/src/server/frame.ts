import { METHOD_HANDSHAKE, METHOD_RECORD } from "@trusted-mcp/channel";
import { BINARY_FRAME, mediaType } from "../wire.ts";

const MARKS = [`"${METHOD_HANDSHAKE}"`, `"${METHOD_RECORD}"`];

/**
 * Whether a request in `prefer` mode is for the channel: by media type or, in JSON, by its method.
 * Only a choice of who parses it; nothing is trusted by it.
 */
export function isFrame(
  method: string | undefined,
  contentType: string | null | undefined,
  body: Buffer,
): boolean {
  if (method !== "POST") return false;
  return mediaType(contentType) === BINARY_FRAME || MARKS.some((mark) => body.includes(mark));
}
