import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import type { TicketEntry, TicketStore } from "../ports.ts";

/** Tickets in memory: bounded; the oldest goes first when full, which only costs a full handshake. */
export class MemoryTicketStore implements TicketStore {
  readonly #entries = new Map<string, TicketEntry>();
  readonly #capacity: number;
  readonly #clock: Clock;

  constructor(capacity: number = 10_000, clock: Clock = systemClock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  put(id: string, entry: TicketEntry): void {
    for (const [oldest, stale] of this.#entries) {
      if (this.#entries.size < this.#capacity && stale.notAfter > this.#clock.now()) break;
      this.#forget(oldest, stale);
    }
    this.#entries.set(id, entry);
  }

  get(id: string): TicketEntry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.notAfter > this.#clock.now()) return entry;
    this.#forget(id, entry);
    return undefined;
  }

  take(id: string): TicketEntry | undefined {
    const entry = this.get(id);
    if (entry !== undefined) this.#entries.delete(id);
    return entry;
  }

  #forget(id: string, entry: TicketEntry): void {
    this.#entries.delete(id);
    entry.psk.fill(0);
  }
}
