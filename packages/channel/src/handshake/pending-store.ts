import { wipe } from "@trusted-mcp/primitives/bytes";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import type { PendingHandshake, PendingStore } from "../ports.ts";
import { ExpiringMap } from "./expiring-map.ts";

/** How long a half-open handshake is kept (spec §3.3, §3.8). */
export const PENDING_MS = 30_000;
/** How long an entry is safe from newer ones: time enough for an honest client's next flight. */
const GRACE_MS = 3000;

/** Half-open handshakes in memory, each claimed once (spec §3.5). */
export class MemoryPendingStore implements PendingStore {
  readonly #entries: ExpiringMap<PendingHandshake>;

  constructor(capacity: number = 4096, clock: Clock = systemClock) {
    this.#entries = new ExpiringMap(capacity, GRACE_MS, clock, (pending) => wipe(pending.handshakeSecret));
  }

  get size(): number {
    return this.#entries.size;
  }

  get full(): boolean {
    return this.#entries.full;
  }

  put(id: string, pending: PendingHandshake): boolean {
    return this.#entries.put(id, pending, pending.expiresAt);
  }

  get(id: string): PendingHandshake | undefined {
    return this.#entries.get(id);
  }

  claim(id: string): boolean {
    return this.#entries.claim(id);
  }
}

export function tooManyHalfOpen(): ChannelError {
  return new ChannelError("ERR_PENDING_FULL", "Too many handshakes are half open", { action: "retry" });
}
