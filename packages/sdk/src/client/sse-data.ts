import { ChannelError } from "@trusted-mcp/channel";

/** One sealed part of at most 64 KiB in base64url, plus its JSON. Nothing longer is a part. */
const MAX_EVENT_CHARACTERS = 2_097_152;

/**
 * The `data` of each event of an outer SSE body (WHATWG HTML §9.2). LF, CRLF and CR end lines; split
 * chunks are joined; other fields and comments are skipped. An event without its blank line is dropped
 * here and so shows as a cut stream. Each character is looked at once, however small the pieces come.
 */
export async function* sseData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const lineEnd = /\r\n|\n|\r/g;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = "";
  let data: string[] = [];
  let size = 0;
  let lineFeedBelongs = false;
  for await (const bytes of body) {
    const text = decode(decoder, bytes);
    if (text === "") continue;
    // A CR that came last has ended its line already; the LF of a split CRLF ends no second one.
    let from = lineFeedBelongs && text.startsWith("\n") ? 1 : 0;
    lineFeedBelongs = text.endsWith("\r");
    lineEnd.lastIndex = from;
    for (;;) {
      const match = lineEnd.exec(text);
      if (match === null) break;
      line += text.slice(from, match.index);
      from = match.index + match[0].length;
      if (line === "") {
        if (data.length > 0) yield data.join("\n");
        data = [];
        size = 0;
      } else if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
        size += line.length;
      }
      line = "";
      if (size > MAX_EVENT_CHARACTERS) throw tooLong();
    }
    line += text.slice(from);
    if (line.length > MAX_EVENT_CHARACTERS) throw tooLong();
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
