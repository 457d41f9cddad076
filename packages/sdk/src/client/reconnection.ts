import type { StreamableHTTPReconnectionOptions } from "@modelcontextprotocol/client";

const DEFAULTS: StreamableHTTPReconnectionOptions = {
  initialReconnectionDelay: 1000,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 2,
};

/** A server that asks for no pause at all would keep this end busy. */
const LEAST_MS = 10;

/** When broken streams are asked for again: after what the server said, else at growing intervals. */
export class Reconnection {
  readonly #options: StreamableHTTPReconnectionOptions;
  readonly #waiting = new Set<ReturnType<typeof setTimeout>>();
  /** What the server asked for with `retry:`, in ms. */
  retryMs: number | undefined;

  constructor(options: StreamableHTTPReconnectionOptions = DEFAULTS) {
    this.#options = options;
  }

  /** Attempts in a row before a stream is given up. */
  get maxRetries(): number {
    return this.#options.maxRetries;
  }

  /** Calls `act` when attempt number `attempt` (from 0) is due. */
  schedule(attempt: number, act: () => void): void {
    const { initialReconnectionDelay, reconnectionDelayGrowFactor, maxReconnectionDelay } = this.#options;
    const grown = initialReconnectionDelay * reconnectionDelayGrowFactor ** attempt;
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer);
        act();
      },
      Math.max(LEAST_MS, this.retryMs ?? Math.min(grown, maxReconnectionDelay)),
    );
    this.#waiting.add(timer);
  }

  /** Forgets what was scheduled. */
  cancel(): void {
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }
}
