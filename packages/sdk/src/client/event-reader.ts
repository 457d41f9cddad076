import { TrustedSdkError } from "../error.ts";

/** One server-sent event. */
export interface StreamEvent {
  /** Absent: the event carries no id of its own. */
  readonly id: string | undefined;
  /** `message` unless the event says otherwise. */
  readonly type: string;
  readonly data: string;
}

/**
 * Reads server-sent events (WHATWG HTML §9.2.6) as bytes come. LF, CRLF and CR end lines; an event without its
 * closing blank line does not count. Each character is looked at once, however small the pieces are.
 */
export class EventReader {
  readonly #decoder = new TextDecoder();
  readonly #lineEnd = /\r\n|\n|\r/g;
  readonly #max: number;
  #line = "";
  #lineFeedBelongs = false;
  #id: string | undefined;
  #type = "";
  #data: string | undefined;
  /** What the server asked to wait before coming back, in ms; undefined: it never did. */
  retryMs: number | undefined;

  /** @param max - characters that one event may have. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Events that `bytes` completed: those with data or an id. @throws TrustedSdkError ERR_RESPONSE_TOO_LARGE. */
  push(bytes: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = [];
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return events;
    // A CR that came last has ended its line already; the LF of a split CRLF ends no second one.
    let from = this.#lineFeedBelongs && text.startsWith("\n") ? 1 : 0;
    this.#lineFeedBelongs = text.endsWith("\r");
    this.#lineEnd.lastIndex = from;
    for (;;) {
      const match = this.#lineEnd.exec(text);
      if (match === null) break;
      const end = text.slice(from, match.index);
      from = match.index + match[0].length;
      this.#take(this.#line === "" ? end : this.#line + end, events);
      this.#line = "";
    }
    this.#line += text.slice(from);
    if (this.#line.length > this.#max) throw tooLarge(this.#max);
    return events;
  }

  #take(line: string, events: StreamEvent[]): void {
    if (line === "") {
      if (this.#data !== undefined || this.#id !== undefined)
        events.push({
          id: this.#id,
          type: this.#type === "" ? "message" : this.#type,
          data: this.#data ?? "",
        });
      this.#id = undefined;
      this.#type = "";
      this.#data = undefined;
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#field(name, value);
  }

  #field(name: string, value: string): void {
    switch (name) {
      case "data":
        this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
        if (this.#data.length > this.#max) throw tooLarge(this.#max);
        return;
      case "event":
        this.#type = value;
        return;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        return;
      case "retry":
        if (/^[0-9]{1,9}$/.test(value)) this.retryMs = Number(value);
        return;
      default:
      // Comments, and fields that nobody knows, are skipped.
    }
  }
}

function tooLarge(max: number): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_RESPONSE_TOO_LARGE",
    `An event is larger than the ${max} characters allowed`,
  );
}
