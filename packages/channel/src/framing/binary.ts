import { ChannelError } from "../error.ts";
import { REQUEST_HEADER_BYTES } from "../record/header.ts";
import type { RecordFrame } from "./json.ts";

/** Media type of binary frames: header ‖ (u24 length ‖ chunk)*, nothing else (spec §6.2). */
export const BINARY_MEDIA_TYPE = "application/trusted-mcp";

/** Splits a binary request. Lengths inside chunks are checked when they are opened. */
export function parseBinaryRequest(body: Uint8Array): RecordFrame {
  if (body.length <= REQUEST_HEADER_BYTES)
    throw new ChannelError("ERR_MALFORMED", "A binary frame is too short");
  return { header: body.subarray(0, REQUEST_HEADER_BYTES), chunks: body.subarray(REQUEST_HEADER_BYTES) };
}
