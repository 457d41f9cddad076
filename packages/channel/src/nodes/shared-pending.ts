import { wipe } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { ExpiringMap } from "../handshake/expiring-map.ts";
import { PENDING_MS } from "../handshake/pending-store.ts";
import type { PendingHandshake, PendingStore, StateStore } from "../ports.ts";
import { asking } from "./asking.ts";
import { encodePending, parsePending } from "./handshake-state.ts";
import type { StateSeal } from "./state-seal.ts";

const CAPACITY = 4096;
const GRACE_MS = 3000;

/**
 * Half-open handshakes that any node can finish, once (spec §3.5, §5.7). Each node bounds what it put there: its
 * oldest makes room, as in memory.
 */
export class SharedPending implements PendingStore {
  readonly copies = true;
  readonly #store: StateStore;
  readonly #seal: StateSeal;
  readonly #clock: Clock;
  /** The names of what this node put there; another node may have claimed some. */
  readonly #own: ExpiringMap<string>;

  constructor(store: StateStore, seal: StateSeal, clock: Clock) {
    this.#store = store;
    this.#seal = seal;
    this.#clock = clock;
    // Best effort: what is not deleted now is gone when its 30 s are over.
    const forget = (name: string): void => void store.take(name).catch(() => undefined);
    this.#own = new ExpiringMap(CAPACITY, GRACE_MS, clock, forget);
  }

  get size(): number {
    return this.#own.size;
  }

  get full(): boolean {
    return this.#own.full;
  }

  async put(id: string, pending: PendingHandshake): Promise<boolean> {
    const [name] = this.#seal.names("pending", id);
    if (!this.#own.put(id, name, pending.expiresAt)) return false;
    const plaintext = encodePending(pending);
    const value = this.#seal.seal("pending", name, 1, plaintext);
    wipe(plaintext, pending.handshakeSecret);
    try {
      await asking(() => this.#store.put(name, value, PENDING_MS));
    } catch (error) {
      this.#own.claim(id);
      throw error;
    }
    return true;
  }

  async get(id: string): Promise<PendingHandshake | undefined> {
    for (const name of this.#seal.names("pending", id)) {
      const value = await asking(() => this.#store.get(name));
      if (value === undefined) continue;
      const plaintext = this.#seal.open("pending", name, 1, value);
      return parsePending(plaintext, this.#clock.monotonic() + PENDING_MS);
    }
    return undefined;
  }

  async claim(id: string): Promise<boolean> {
    this.#own.claim(id);
    for (const name of this.#seal.names("pending", id))
      if ((await asking(() => this.#store.take(name))) !== undefined) return true;
    return false;
  }
}
