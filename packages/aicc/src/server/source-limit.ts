import type { Clock } from "@trusted-mcp/primitives/clock";

export interface SourceLimitOptions {
  /** RSA operations that a source address may ask for at once. Default 4,000. */
  readonly burst?: number;
  /** And per second after that. Default 2,000. */
  readonly perSecond?: number;
  /** What one that came to nothing costs, in operations: who sends garbage is cut off soon. Default 200. */
  readonly failureCost?: number;
  /** Addresses remembered; the longest unseen is forgotten first. Default 10,000. */
  readonly sources?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket per source address, for a private operation that anybody with the public key can cause. */
export class SourceLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #failureCost: number;
  readonly #sources: number;

  constructor(clock: Clock, options: SourceLimitOptions = {}) {
    this.#clock = clock;
    this.#burst = options.burst ?? 4_000;
    this.#perSecond = options.perSecond ?? 2_000;
    this.#failureCost = options.failureCost ?? 200;
    this.#sources = options.sources ?? 10_000;
  }

  admits(source: string): boolean {
    const bucket = this.#bucket(source);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  failed(source: string): void {
    const bucket = this.#bucket(source);
    bucket.tokens = Math.max(0, bucket.tokens - this.#failureCost);
  }

  #bucket(source: string): Bucket {
    const now = this.#clock.monotonic();
    const known = this.#buckets.get(source) ?? { tokens: this.#burst, at: now };
    const tokens = Math.min(this.#burst, known.tokens + ((now - known.at) / 1000) * this.#perSecond);
    const bucket = { tokens, at: now };
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > this.#sources) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return bucket;
  }
}
