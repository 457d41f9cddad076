import { ChannelError } from "@trusted-mcp/channel";

/** One sealed part of at most 64 KiB in base64url, plus its JSON. Nothing longer is a part. */
const MAX_EVENT_CHARACTERS = 2_097_152;

/**
 * The `data` of each event of an outer SSE body (WHATWG HTML §9.2). LF, CRLF and CR end lines; split
 * chunks are joined; other fields and comments are skipped. An event without its blank line is dropped
 * here and so shows as a cut stream.
 */
export async function* sseData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let buffer = "";
  let data: string[] = [];
  let size = 0;
  for await (const bytes of body) {
    buffer += decode(decoder, bytes);
    for (;;) {
      const match = /\r\n|\n|\r(?!$)/.exec(buffer);
      if (match === null) break;
      const line = buffer.slice(0, match.index);
      buffer = buffer.slice(match.index + match[0].length);
      if (line === "") {
        if (data.length > 0) yield data.join("\n");
        data = [];
        size = 0;
      } else if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
        size += line.length;
      }
      if (size > MAX_EVENT_CHARACTERS) throw tooLong();
    }
    if (buffer.length > MAX_EVENT_CHARACTERS) throw tooLong();
  }
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: true });
  } catch (cause) {
    throw new ChannelError("ERR_MALFORMED", "An event stream is not UTF-8", { cause });
  }
}

function tooLong(): ChannelError {
  return new ChannelError("ERR_RECORD_TOO_LARGE", "An event is larger than any sealed part can be");
}
