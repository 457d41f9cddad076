import { wipe } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import type { StateStore, TicketEntry, TicketStore } from "../ports.ts";
import { asking } from "./asking.ts";
import { encodeTicket, parseTicket } from "./handshake-state.ts";
import type { StateSeal } from "./state-seal.ts";

/** Tickets that resume at any node, once (spec §5.5, §5.7). */
export class SharedTickets implements TicketStore {
  readonly copies = true;
  readonly #store: StateStore;
  readonly #seal: StateSeal;
  readonly #clock: Clock;

  constructor(store: StateStore, seal: StateSeal, clock: Clock) {
    this.#store = store;
    this.#seal = seal;
    this.#clock = clock;
  }

  async put(id: string, entry: TicketEntry): Promise<void> {
    const [name] = this.#seal.names("ticket", id);
    const plaintext = encodeTicket(entry);
    const value = this.#seal.seal("ticket", name, 1, plaintext);
    wipe(plaintext, entry.psk);
    const ttlMs = Math.ceil(entry.notAfter - this.#clock.now());
    if (ttlMs > 0) await asking(() => this.#store.put(name, value, ttlMs));
  }

  get(id: string): Promise<TicketEntry | undefined> {
    return this.#find(id, (name) => this.#store.get(name));
  }

  take(id: string): Promise<TicketEntry | undefined> {
    return this.#find(id, (name) => this.#store.take(name));
  }

  async #find(
    id: string,
    ask: (name: string) => Promise<Uint8Array | undefined>,
  ): Promise<TicketEntry | undefined> {
    for (const name of this.#seal.names("ticket", id)) {
      const value = await asking(() => ask(name));
      if (value === undefined) continue;
      const entry = parseTicket(this.#seal.open("ticket", name, 1, value));
      return entry.notAfter > this.#clock.now() ? entry : undefined;
    }
    return undefined;
  }
}
