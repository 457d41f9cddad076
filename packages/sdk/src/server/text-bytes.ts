import { isAscii } from "node:buffer";
import { utf8 } from "@trusted-mcp/primitives/bytes";

/** Below it the usual way is as fast; above the other, what is gained goes into more memory. */
const LARGE = 16_384;
const HUGE = 262_144;

/**
 * UTF-8 of a text, faster for a large one that is ASCII, as most JSON is: its characters are its bytes. Whether it
 * is, the bytes themselves show: they read back as the same text, and none is above 0x7f.
 */
export function textBytes(text: string): Uint8Array {
  if (text.length < LARGE || text.length > HUGE) return utf8(text);
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, "latin1");
  return isAscii(bytes) && bytes.toString("latin1") === text ? bytes : utf8(text);
}
