import { AiccError } from "../error.ts";

/** Far above a line of text, and far below what hurts: 16 MiB. */
export const MAX_LINE_BYTES: number = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * The lines of a file without their ends, as Python's text mode reads them: LF, CR and CRLF all end a line, and
 * nothing else does. The last line counts also without an end.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let afterCr = false;
  const keep = (part: Uint8Array): void => {
    length += part.length;
    if (length > maxBytes) {
      throw new AiccError("ERR_HELPER_TEXT", `A line has more than ${maxBytes} bytes: use the binary mode`, {
        action: "fix",
      });
    }
    if (part.length > 0) parts.push(part);
  };
  const line = (): Uint8Array => {
    const whole = Buffer.concat(parts);
    parts = [];
    length = 0;
    return whole;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF && afterCr && at === start) {
        afterCr = false;
        start = at + 1;
        continue;
      }
      afterCr = false;
      if (byte !== LF && byte !== CR) continue;
      keep(chunk.subarray(start, at));
      yield line();
      start = at + 1;
      afterCr = byte === CR;
    }
    // A copy: the reader may use its buffer again.
    keep(Uint8Array.from(chunk.subarray(start)));
  }
  if (length > 0) yield line();
}
