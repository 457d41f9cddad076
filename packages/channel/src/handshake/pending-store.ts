import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import type { PendingHandshake, PendingStore } from "../ports.ts";

/** Half-open handshakes in memory: bounded, expiring, each claimed once (spec §3.5). */
export class MemoryPendingStore implements PendingStore {
  readonly #entries = new Map<string, PendingHandshake>();
  readonly #capacity: number;
  readonly #clock: Clock;

  constructor(capacity: number = 4096, clock: Clock = systemClock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  put(id: string, entry: PendingHandshake): boolean {
    if (this.#entries.size >= this.#capacity) this.#dropExpired();
    if (this.#entries.size >= this.#capacity) return false;
    this.#entries.set(id, entry);
    return true;
  }

  get(id: string): PendingHandshake | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.expiresAt > this.#clock.monotonic()) return entry;
    this.#remove(id, entry);
    return undefined;
  }

  claim(id: string): boolean {
    return this.#entries.delete(id);
  }

  /** Entries are inserted in order of expiry, so the first one alive ends the walk. */
  #dropExpired(): void {
    const now = this.#clock.monotonic();
    for (const [id, entry] of this.#entries) {
      if (entry.expiresAt > now) return;
      this.#remove(id, entry);
    }
  }

  #remove(id: string, entry: PendingHandshake): void {
    this.#entries.delete(id);
    entry.handshakeSecret.fill(0);
  }
}
