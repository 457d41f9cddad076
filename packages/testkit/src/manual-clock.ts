import type { Clock } from "@trusted-mcp/primitives/clock";

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 1000;

  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Time passes. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }

  /** Somebody sets the wall clock; no time passes. */
  jump(ms: number): void {
    this.#now += ms;
  }
}
