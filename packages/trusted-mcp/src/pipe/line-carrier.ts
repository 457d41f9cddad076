import type { Readable, Writable } from "node:stream";
import type { Carrier } from "@trusted-mcp/sdk/stdio";
import { MAX_LINE_CHARS } from "@trusted-mcp/channel";
import { lineWriter } from "../bridge/line-writer.ts";
import { LineSplitter } from "../serve/stdio/line-splitter.ts";

/** Lines of the channel over two streams: bounded, and held up when whoever takes the messages is slow. */
export class LineCarrier implements Carrier {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: never) => void) | undefined;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #write: (text: string) => Promise<void>;
  readonly #onLine: (direction: "sent" | "received", line: Uint8Array) => void;
  #closed = false;

  /** @param onLine - hears of every line, as whoever carries them sees it. */
  constructor(
    input: Readable,
    output: Writable,
    onLine: (direction: "sent" | "received", line: Uint8Array) => void = () => undefined,
  ) {
    this.#input = input;
    this.#output = output;
    this.#onLine = onLine;
    this.#write = lineWriter(output);
  }

  start(): Promise<void> {
    const splitter = new LineSplitter(MAX_LINE_CHARS);
    this.#input.on("data", (chunk: Buffer | string) => {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (!splitter.push(bytes, (line) => this.#take(line)))
        this.onerror?.(new SyntaxError("a line is longer than any of the channel"));
    });
    for (const event of ["end", "close", "error"]) this.#input.on(event, () => void this.close());
    for (const event of ["close", "error"]) this.#output.on(event, () => void this.close());
    return Promise.resolve();
  }

  async send(message: unknown): Promise<void> {
    const line = JSON.stringify(message);
    this.#onLine("sent", Buffer.from(line));
    await this.#write(line);
  }

  pause(): void {
    this.#input.pause();
  }

  resume(): void {
    if (!this.#closed) this.#input.resume();
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#input.removeAllListeners("data").resume();
      // The other end learns it by the end of its input. What was written is still written.
      this.#output.end();
      this.onclose?.();
    }
    return Promise.resolve();
  }

  #take(line: Buffer): void {
    if (this.#closed || line.length === 0) return;
    this.#onLine("received", line);
    let message: unknown;
    try {
      message = JSON.parse(line.toString("utf8"));
    } catch {
      this.onerror?.(new SyntaxError("a line is no JSON"));
      return;
    }
    this.onmessage?.(message as never);
  }
}
