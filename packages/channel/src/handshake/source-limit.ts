import type { Clock } from "@trusted-mcp/primitives/clock";
import { sourceKey } from "./source-key.ts";

export interface SourceLimitOptions {
  /** First flights a source may send at once. Default 256. */
  readonly burst?: number;
  /** First flights per second after that. Default 128. */
  readonly perSecond?: number;
  /** First flights from all sources together, at once. Default 4 × `burst`. */
  readonly totalBurst?: number;
  /** And per second. Default 4 × `perSecond`: many addresses together cannot take the whole processor. */
  readonly totalPerSecond?: number;
  /** Sources remembered. Default 10,000; the longest unseen is forgotten first. */
  readonly capacity?: number;
}

/**
 * Token buckets for anonymous first flights (spec §3.2): one for each source address, of IPv6 each /64, and one
 * for all. Memory is bounded. A source that is over its own limit takes nothing from the others' share.
 */
export class SourceLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #all: Bucket;
  readonly #rate: Rate;
  readonly #totalRate: Rate;
  readonly #capacity: number;
  readonly #clock: Clock;

  constructor(clock: Clock, options: SourceLimitOptions = {}) {
    const { burst = 256, perSecond = 128 } = options;
    this.#rate = { burst, perSecond };
    this.#totalRate = {
      burst: options.totalBurst ?? 4 * burst,
      perSecond: options.totalPerSecond ?? 4 * perSecond,
    };
    this.#all = { tokens: this.#totalRate.burst, at: clock.monotonic() };
    this.#capacity = options.capacity ?? 10_000;
    this.#clock = clock;
  }

  admits(address: string): boolean {
    const now = this.#clock.monotonic();
    const source = sourceKey(address);
    const bucket = this.#buckets.get(source) ?? { tokens: this.#rate.burst, at: now };
    const admitted = take(bucket, this.#rate, now) && take(this.#all, this.#totalRate, now);
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > this.#capacity) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return admitted;
  }
}

interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  /** Monotonic ms of the last look. */
  at: number;
}

function take(bucket: Bucket, { burst, perSecond }: Rate, now: number): boolean {
  const refilled = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
  // A refused attempt costs nothing: else a flood just above the rate would keep the bucket empty for everybody.
  bucket.tokens = refilled >= 1 ? refilled - 1 : refilled;
  bucket.at = now;
  return refilled >= 1;
}
