import { utf8 } from "@trusted-mcp/primitives/bytes";

/** Server-sent events of one call, in order, each sealed as it is taken. */
export class EventQueue implements AsyncIterable<Uint8Array> {
  readonly #events: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  push(json: string): void {
    this.#events.push(utf8(`event: message\ndata: ${json}\n\n`));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
