import { AiccError } from "../error.ts";

interface Waiting {
  readonly start: () => void;
}

/**
 * Lets few operations run at a time, and the sources take turns: one that sends much waits behind its
 * own work and not in front of everybody else's.
 */
export class Turns {
  readonly #running: number;
  readonly #waiting: number;
  readonly #queues = new Map<string, Waiting[]>();
  #active = 0;
  #queued = 0;

  constructor(running: number, waiting: number) {
    this.#running = running;
    this.#waiting = waiting;
  }

  /** @throws AiccError ERR_BUSY when the queue, or this source's half of it, is full. */
  async run<T>(source: string, operation: () => Promise<T>): Promise<T> {
    if (this.#active < this.#running) this.#active += 1;
    else await this.#queue(source);
    try {
      return await operation();
    } finally {
      this.#next();
    }
  }

  #queue(source: string): Promise<void> {
    const queue = this.#queues.get(source) ?? [];
    if (this.#queued >= this.#waiting || queue.length >= Math.ceil(this.#waiting / 2))
      throw new AiccError("ERR_BUSY", "Too many requests wait to be opened", { action: "retry" });
    this.#queued += 1;
    this.#queues.set(source, queue);
    return new Promise((resolve) => queue.push({ start: resolve }));
  }

  /** Hands the place over, or gives it up. */
  #next(): void {
    for (const [source, queue] of this.#queues) {
      const next = queue.shift();
      // To the back of the line of sources, or out of it.
      this.#queues.delete(source);
      if (queue.length > 0) this.#queues.set(source, queue);
      if (next === undefined) continue;
      this.#queued -= 1;
      next.start();
      return;
    }
    this.#active -= 1;
  }
}
