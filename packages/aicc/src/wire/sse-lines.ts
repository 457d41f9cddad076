import { AiccError } from "../error.ts";

/**
 * Cuts an event stream into lines (WHATWG HTML §9.2): LF, CRLF and CR end a line, wherever the chunks
 * were split. What follows the last line end is not a line; `end` refuses it.
 */
export class LineReader {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #limit: number;
  #parts: string[] = [];
  #size = 0;
  #afterCr = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): string[] {
    let text: string;
    try {
      text = this.#decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw new AiccError("ERR_STREAM", "An event stream is not UTF-8", { cause });
    }
    const lines: string[] = [];
    let start = 0;
    // A CR ends its line at once; an LF right after it, in this chunk or the next, belongs to it.
    if (this.#afterCr && text.startsWith("\n")) start = 1;
    if (text !== "") this.#afterCr = false;
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = start;
    for (let match = ends.exec(text); match !== null; match = ends.exec(text)) {
      lines.push(this.#take(text.slice(start, match.index)));
      start = ends.lastIndex;
      this.#afterCr = match[0] === "\r" && start === text.length;
    }
    this.#keep(text.slice(start));
    return lines;
  }

  /** @throws AiccError ERR_STREAM when the stream was cut inside a line. */
  end(): void {
    if (this.#size > 0) throw new AiccError("ERR_STREAM", "An event stream was cut inside a line");
  }

  #take(last: string): string {
    this.#keep(last);
    const line = this.#parts.join("");
    this.#parts = [];
    this.#size = 0;
    return line;
  }

  #keep(part: string): void {
    if (part === "") return;
    this.#size += part.length;
    if (this.#size > this.#limit) throw new AiccError("ERR_STREAM", "A line of an event stream is too long");
    this.#parts.push(part);
  }
}

export interface Line {
  readonly field: string;
  readonly value: string;
}

/** `field:value` with one optional space; a line without a colon is a field without a value. */
export function splitLine(line: string): Line {
  const colon = line.indexOf(":");
  if (colon === -1) return { field: line, value: "" };
  const from = line[colon + 1] === " " ? colon + 2 : colon + 1;
  return { field: line.slice(0, colon), value: line.slice(from) };
}

/**
 * Runs `change` over every line and passes on whole events: whoever reads chunk by chunk, as the
 * Python client does, then sees lines that are not split.
 */
export async function* transformEvents(
  source: AsyncIterable<Uint8Array>,
  limit: number,
  lineEnd: "\r\n" | "\n",
  change: (line: string) => string | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new LineReader(limit);
  let pending = "";
  for await (const chunk of source) {
    let ready = "";
    for (const line of reader.push(chunk)) {
      const changed = change(line);
      if (changed !== null) pending += changed + lineEnd;
      if (pending.length > 4 * limit) throw new AiccError("ERR_STREAM", "An event has too many lines");
      if (line === "") {
        ready += pending;
        pending = "";
      }
    }
    if (ready !== "") yield Buffer.from(ready);
  }
  reader.end();
  if (pending !== "") yield Buffer.from(pending);
}
