import type { ServeLimits } from "../limits.ts";

const FREE_FAILURES = 2;
const FIRST_MS = 1000;

/** Keeps a server that crashes again and again from being started in a tight loop; each peer on its own. */
export class Backoff {
  readonly #limits: ServeLimits;
  readonly #peers = new Map<string, { failures: number; until: number }>();

  constructor(limits: ServeLimits) {
    this.#limits = limits;
  }

  /** How long to wait before the next start. */
  waitMs(key: string): number {
    return Math.max(0, (this.#peers.get(key)?.until ?? 0) - performance.now());
  }

  failed(key: string): void {
    const failures = (this.#peers.get(key)?.failures ?? 0) + 1;
    const pause = failures <= FREE_FAILURES ? 0 : FIRST_MS * 2 ** Math.min(failures - FREE_FAILURES - 1, 20);
    this.#peers.set(key, { failures, until: performance.now() + Math.min(pause, this.#limits.maxBackoffMs) });
  }

  survived(key: string): void {
    this.#peers.delete(key);
  }
}
