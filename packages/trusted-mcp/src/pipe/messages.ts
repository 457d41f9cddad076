import { utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { oneLine } from "../bridge/json-rpc.ts";

/** A line as it was written: its bytes go through the channel as they are, but for line breaks between tokens. */
export function sealable(line: string): Uint8Array {
  return utf8(oneLine(line));
}

export function opened(json: Uint8Array): string {
  return utf8Decode(json);
}
