import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import type { Evidence, EvidenceProvider } from "../ports.ts";

export interface EvidenceLimitOptions {
  /** Quotes being made at once. Default 4: a quote takes about a second, and most devices make one at a time. */
  readonly concurrency?: number;
  /** Handshakes that may wait for one. Default 64. */
  readonly queue?: number;
  /** Longest wait in ms, after which the client would be gone anyway. Default 20 s. */
  readonly maxWaitMs?: number;
}

interface Waiting {
  readonly since: number;
  readonly go: () => void;
  readonly refuse: () => void;
}

/**
 * A provider that makes few quotes at once. Whoever comes when the queue is full is refused with
 * ERR_EVIDENCE_BUSY, which the client hears as a sealed alert that means "later" (spec §3.7).
 */
export class EvidenceQueue implements EvidenceProvider {
  readonly types: readonly string[];
  readonly #provider: EvidenceProvider;
  readonly #clock: Clock;
  readonly #concurrency: number;
  readonly #queue: number;
  readonly #maxWaitMs: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(provider: EvidenceProvider, clock: Clock, options: EvidenceLimitOptions = {}) {
    this.types = provider.types;
    this.#provider = provider;
    this.#clock = clock;
    this.#concurrency = Math.max(1, options.concurrency ?? 4);
    this.#queue = options.queue ?? 64;
    this.#maxWaitMs = options.maxWaitMs ?? 20_000;
  }

  async collect(reportData: Uint8Array, request: { readonly types: readonly string[] }): Promise<Evidence> {
    await this.#turn();
    try {
      return await this.#provider.collect(reportData, request);
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** Resolves with a place among those that run. */
  #turn(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#queue) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const since = this.#clock.monotonic();
      this.#waiting.push({ since, go: resolve, refuse: () => reject(busy()) });
    });
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (this.#clock.monotonic() - next.since > this.#maxWaitMs) next.refuse();
      else {
        this.#running += 1;
        next.go();
      }
    }
  }
}

function busy(): ChannelError {
  return new ChannelError("ERR_EVIDENCE_BUSY", "Too many handshakes wait for attestation evidence", {
    action: "retry",
  });
}
