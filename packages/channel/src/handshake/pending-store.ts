import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import type { PendingHandshake, PendingStore } from "../ports.ts";

/** How long an entry is safe from newer ones: time enough for an honest client's next flight. */
const GRACE_MS = 3000;

/**
 * Half-open handshakes in memory: bounded, expiring, each claimed once (spec §3.5). When full, the oldest
 * makes room unless it is younger than 3 s: a slow flood from a few addresses locks nobody out.
 */
export class MemoryPendingStore implements PendingStore {
  readonly #entries = new Map<string, { readonly pending: PendingHandshake; readonly since: number }>();
  readonly #capacity: number;
  readonly #clock: Clock;

  constructor(capacity: number = 4096, clock: Clock = systemClock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  get size(): number {
    this.#dropExpired();
    return this.#entries.size;
  }

  get full(): boolean {
    if (this.size < this.#capacity) return false;
    const [oldest] = this.#entries.values();
    return oldest === undefined || this.#clock.monotonic() - oldest.since < GRACE_MS;
  }

  put(id: string, pending: PendingHandshake): boolean {
    if (this.full) return false;
    if (this.#entries.size >= this.#capacity) {
      const [oldest] = this.#entries;
      if (oldest !== undefined) this.#remove(oldest[0], oldest[1].pending);
    }
    this.#entries.set(id, { pending, since: this.#clock.monotonic() });
    return true;
  }

  get(id: string): PendingHandshake | undefined {
    const pending = this.#entries.get(id)?.pending;
    if (pending === undefined || pending.expiresAt > this.#clock.monotonic()) return pending;
    this.#remove(id, pending);
    return undefined;
  }

  claim(id: string): boolean {
    return this.#entries.delete(id);
  }

  /** Entries are inserted in order of expiry, so the first one alive ends the walk. */
  #dropExpired(): void {
    const now = this.#clock.monotonic();
    for (const [id, { pending }] of this.#entries) {
      if (pending.expiresAt > now) return;
      this.#remove(id, pending);
    }
  }

  #remove(id: string, pending: PendingHandshake): void {
    this.#entries.delete(id);
    pending.handshakeSecret.fill(0);
  }
}
