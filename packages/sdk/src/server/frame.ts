import { BINARY_MEDIA_TYPE, METHOD_HANDSHAKE, METHOD_RECORD } from "@trusted-mcp/channel";
import { mediaType } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";

const MARKS = [`"${METHOD_HANDSHAKE}"`, `"${METHOD_RECORD}"`];

/**
 * Whether a request is meant for the channel: by media type or, in JSON, by its method. Only a choice
 * of who parses it; nothing is trusted by it.
 */
export function isFrame(
  method: string | undefined,
  contentType: string | null | undefined,
  body: Buffer,
): boolean {
  if (method !== "POST") return false;
  return mediaType(contentType) === BINARY_MEDIA_TYPE || MARKS.some((mark) => body.includes(mark));
}

export function plaintextRefused(): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_PLAINTEXT_REFUSED",
    "A request came in that is no trusted-mcp/1 frame (plain MCP, perhaps); this server accepts nothing else",
  );
}
