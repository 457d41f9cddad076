import { printable } from "@trusted-mcp/primitives/printable";

/** A piece of a server's own output made fit for a log: no control characters, bounded length. */
export function excerpt(bytes: Uint8Array | string, maxChars = 400): string {
  const text =
    typeof bytes === "string"
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxChars * 4)).toString();
  const safe = printable(text.slice(0, maxChars));
  return text.length > maxChars || (typeof bytes !== "string" && bytes.length > maxChars * 4)
    ? `${safe}…`
    : safe;
}
