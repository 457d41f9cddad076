import type { Clock } from "@trusted-mcp/primitives/clock";

export interface SourceLimitOptions {
  /** First flights a source may send at once. Default 256. */
  readonly burst?: number;
  /** First flights per second after that. Default 128. */
  readonly perSecond?: number;
  /** Sources remembered. Default 10,000; the longest unseen is forgotten first. */
  readonly capacity?: number;
}

/** Token bucket per source address, for anonymous first flights (spec §3.2). Memory is bounded. */
export class SourceLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #capacity: number;
  readonly #clock: Clock;

  constructor(clock: Clock, options: SourceLimitOptions = {}) {
    this.#burst = options.burst ?? 256;
    this.#perSecond = options.perSecond ?? 128;
    this.#capacity = options.capacity ?? 10_000;
    this.#clock = clock;
  }

  admits(source: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(source) ?? { tokens: this.#burst, at: now };
    const refilled = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#perSecond);
    this.#buckets.delete(source);
    this.#buckets.set(source, { tokens: Math.max(0, refilled - 1), at: now });
    if (this.#buckets.size > this.#capacity) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return refilled >= 1;
  }
}
