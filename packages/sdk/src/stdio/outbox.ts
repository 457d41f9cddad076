import { pushLine, type LineMessage, type PushRecord } from "@trusted-mcp/channel";

interface Item {
  readonly line: () => LineMessage;
  readonly bytes: number;
  readonly done: ((error?: Error) => void) | null;
}

/** What a waiting line costs beside its bytes. */
const LINE_OVERHEAD = 256;

/** Lines in the order in which they were sealed, written one after the other at the pace of the pipe. */
export class Outbox {
  readonly #write: (line: LineMessage) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #items: Item[] = [];
  #next = 0;
  #writing = false;
  /** What waits to be written. */
  bytes = 0;

  constructor(write: (line: LineMessage) => Promise<void>, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  /** Resolves when the carrier took the last line of the record. */
  record({ header, chunks }: PushRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      chunks.forEach((chunk, at) => {
        const last = at === chunks.length - 1;
        this.#items.push({
          // Text only when its turn comes: base64url is a third larger.
          line: () => pushLine(at === 0 ? header : null, chunk),
          bytes: LINE_OVERHEAD + chunk.length,
          done: last ? (error) => (error ? reject(error) : resolve()) : null,
        });
        this.bytes += LINE_OVERHEAD + chunk.length;
      });
      void this.#run();
    });
  }

  line(line: LineMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#items.push({ line: () => line, bytes: 0, done: (error) => (error ? reject(error) : resolve()) });
      void this.#run();
    });
  }

  /** Nothing more is written. */
  clear(error: Error): void {
    const waiting = this.#items.slice(this.#next);
    this.#items = [];
    this.#next = 0;
    this.bytes = 0;
    for (const { done } of waiting) done?.(error);
  }

  async #run(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      for (let item = this.#items[this.#next]; item !== undefined; item = this.#items[this.#next]) {
        await this.#write(item.line());
        // Cleared while it was being written: its `done` was called with the reason.
        if (this.#items[this.#next] !== item) return;
        this.#next += 1;
        this.bytes -= item.bytes;
        if (this.#next === this.#items.length) {
          this.#items = [];
          this.#next = 0;
        }
        item.done?.();
      }
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#writing = false;
    }
  }
}
