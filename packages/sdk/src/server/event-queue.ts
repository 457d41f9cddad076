import { utf8 } from "@trusted-mcp/primitives/bytes";

/** Bytes that may wait for a slow reader before whoever sends more is asked to wait as well. */
const HIGH_WATER_BYTES = 65_536;

/** Server-sent events of one call, in order, each sealed as it is taken. */
export class EventQueue implements AsyncIterable<Uint8Array> {
  readonly #events: Uint8Array[] = [];
  #waiting = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  #room: (() => void)[] = [];

  /** Resolves when the reader is not too far behind: a tool that awaits its notifications then waits too. */
  push(json: string): Promise<void> {
    const event = utf8(`event: message\ndata: ${json}\n\n`);
    this.#events.push(event);
    this.#waiting += event.length;
    this.#wake?.();
    if (this.#waiting <= HIGH_WATER_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#room.push(resolve));
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
    this.#release();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        this.#waiting -= event.length;
        if (this.#waiting <= HIGH_WATER_BYTES) this.#release();
        yield event;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #release(): void {
    const room = this.#room;
    if (room.length === 0) return;
    this.#room = [];
    for (const go of room) go();
  }
}
