import { BINARY_MEDIA_TYPE } from "@trusted-mcp/channel";

export const JSON_MEDIA_TYPE = "application/json";
export const STREAM_MEDIA_TYPE = "text/event-stream";

/** The media type without parameters, lower case. */
export function mediaType(contentType: string | null | undefined): string {
  switch (contentType) {
    case JSON_MEDIA_TYPE:
    case STREAM_MEDIA_TYPE:
    case BINARY_MEDIA_TYPE:
      return contentType;
    default:
      return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  }
}
