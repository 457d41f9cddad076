import type { Clock } from "@trusted-mcp/primitives/clock";

interface Entry<T> {
  readonly value: T;
  readonly since: number;
  readonly expiresAt: number;
}

/**
 * Half-open state: bounded, expiring, given out once. When full, the oldest entry makes room unless it is
 * younger than the grace time: a slow flood from a few addresses locks nobody out. Entries must come in
 * the order in which they expire.
 */
export class ExpiringMap<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #capacity: number;
  readonly #graceMs: number;
  readonly #clock: Clock;
  readonly #forget: (value: T) => void;

  /** @param forget - overwrites the secrets of an entry that expired or made room. */
  constructor(capacity: number, graceMs: number, clock: Clock, forget: (value: T) => void) {
    this.#capacity = capacity;
    this.#graceMs = graceMs;
    this.#clock = clock;
    this.#forget = forget;
  }

  /** Entries that have not expired. */
  get size(): number {
    const now = this.#clock.monotonic();
    for (const [id, entry] of this.#entries) {
      if (entry.expiresAt > now) break;
      this.#drop(id, entry);
    }
    return this.#entries.size;
  }

  /** True when `put` would refuse now. */
  get full(): boolean {
    if (this.size < this.#capacity) return false;
    const [oldest] = this.#entries.values();
    return oldest === undefined || this.#clock.monotonic() - oldest.since < this.#graceMs;
  }

  put(id: string, value: T, expiresAt: number): boolean {
    if (this.full) return false;
    const [oldest] = this.#entries;
    if (oldest !== undefined && this.#entries.size >= this.#capacity) this.#drop(...oldest);
    this.#entries.set(id, { value, since: this.#clock.monotonic(), expiresAt });
    return true;
  }

  get(id: string): T | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.expiresAt > this.#clock.monotonic()) return entry?.value;
    this.#drop(id, entry);
    return undefined;
  }

  /** Of all callers for one id, one gets `true`; the entry's secrets are then that caller's. */
  claim(id: string): boolean {
    return this.#entries.delete(id);
  }

  #drop(id: string, { value }: Entry<T>): void {
    this.#entries.delete(id);
    this.#forget(value);
  }
}
