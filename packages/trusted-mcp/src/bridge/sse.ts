import { ProgramError } from "../error.ts";

/** One dispatched event of a server-sent event stream (WHATWG HTML §9.2.6). */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
  /** The last event id in force when the event was dispatched; "" when there is none. */
  readonly id: string;
}

export interface SseState {
  lastEventId: string;
  /** Reconnection time asked for by the server, in ms. */
  retry: number | undefined;
}

/** Far above any MCP message; a stream that never ends its event must not fill memory. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;
/** What a line takes beside its characters: an event of nothing but empty lines is endless too. */
const LINE_COST = 16;

/**
 * Reads events from a body. Chunks may be cut anywhere, also inside a character or between CR and LF.
 * An event without its blank line at the end of the stream is dropped, as the standard says: it was cut.
 */
export async function* sseEvents(body: AsyncIterable<Uint8Array>, state: SseState): AsyncGenerator<SseEvent> {
  let pending = { event: "", data: [] as string[], size: 0 };
  for await (const line of textLines(body)) {
    if (line === "") {
      if (pending.data.length > 0) {
        yield { event: pending.event || "message", data: pending.data.join("\n"), id: state.lastEventId };
      }
      pending = { event: "", data: [], size: 0 };
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "data") {
      pending.size += value.length + LINE_COST;
      if (pending.size > MAX_EVENT_CHARS) throw tooLarge();
      pending.data.push(value);
    } else if (field === "event") {
      pending.event = value;
    } else if (field === "id" && !value.includes("\0")) {
      state.lastEventId = value;
    } else if (field === "retry" && /^\d{1,9}$/.test(value)) {
      state.retry = Number(value);
    }
  }
}

async function* textLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let length = 0;
  let afterCr = false;
  for await (const chunk of body) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    if (afterCr && text.startsWith("\n")) text = text.slice(1);
    afterCr = text.endsWith("\r");
    const pieces = text.split(/\r\n|\r|\n/);
    const tail = pieces.pop() ?? "";
    for (const piece of pieces) {
      parts.push(piece);
      yield parts.join("");
      parts.length = 0;
      length = 0;
    }
    if (tail !== "") parts.push(tail);
    length += tail.length;
    if (length > MAX_EVENT_CHARS) throw tooLarge();
  }
}

function tooLarge(): ProgramError {
  return new ProgramError("ERR_BAD_ANSWER", "the server sent an event larger than 64 MiB");
}
