/**
 * Sweeps at intervals while there is something to sweep, so that what peers leave behind goes also when nobody
 * comes after them. It keeps no process alive.
 */
export class Reaper {
  readonly #sweep: () => boolean;
  readonly #everyMs: number;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** @param sweep - true while something is left. */
  constructor(sweep: () => boolean, everyMs: number) {
    this.#sweep = sweep;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => {
      if (!this.#sweep()) this.stop();
    }, this.#everyMs);
    this.#timer.unref?.();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Often enough that nothing outlives its time by more than a quarter of it. */
export function sweepEvery(...timesMs: readonly number[]): number {
  return Math.min(30_000, Math.max(20, Math.min(...timesMs) / 4));
}
