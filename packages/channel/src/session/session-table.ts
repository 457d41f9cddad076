import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import type { Peer } from "../ports.ts";
import type { ResponderSession } from "./responder-session.ts";

export interface SessionLimits {
  /** Sessions in all. Default 10,000. */
  readonly maxSessions?: number;
  /** Sessions per peer. Default 1,000; above it the peer's own longest idle session ends. */
  readonly maxSessionsPerPeer?: number;
  /** A session without a record for this long may be forgotten, in ms. Default 1 h. */
  readonly idleMs?: number;
  /** Largest message content accepted, in bytes. Default 4 MiB. */
  readonly maxMessageBytes?: number;
}

/** The responder's sessions: bounded, idle ones reaped, one peer cannot crowd out the others. */
export class SessionTable {
  readonly idleMs: number;
  readonly maxMessageBytes: number;
  readonly #max: number;
  readonly #maxPerPeer: number;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, ResponderSession>();
  readonly #perPeer = new Map<string, Set<ResponderSession>>();
  #lastSweep: number;

  readonly #cache: boolean;

  /** @param cache - the sessions live in a store that nodes share: here they are copies, dropped and read again. */
  constructor(limits: SessionLimits, clock: Clock, cache = false) {
    this.#cache = cache;
    this.#max = limits.maxSessions ?? 10_000;
    this.#maxPerPeer = limits.maxSessionsPerPeer ?? 1000;
    this.idleMs = limits.idleMs ?? 3_600_000;
    this.maxMessageBytes = limits.maxMessageBytes ?? 4 * 1024 * 1024;
    this.#clock = clock;
    this.#lastSweep = clock.monotonic();
  }

  get maxPerPeer(): number {
    return this.#maxPerPeer;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): ResponderSession {
    const session = this.find(id);
    if (session !== undefined) return session;
    throw new ChannelError("ERR_SESSION_UNKNOWN", "No session is open under this id", { action: "retry" });
  }

  /** The session, if it is here and has not ended. */
  find(id: string): ResponderSession | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.live) return session;
    this.remove(session);
    return undefined;
  }

  /** Makes room for one more session of `peer`, or refuses. */
  reserve(peer: Peer | null): void {
    const now = this.#clock.monotonic();
    if (this.#sessions.size >= this.#max || now - this.#lastSweep > 60_000) this.sweep();
    const own = this.#perPeer.get(keyOf(peer));
    if (this.#cache) {
      for (const session of this.#sessions.values()) {
        if (this.#sessions.size < this.#max) break;
        this.#forget(session);
      }
      return;
    }
    if (own !== undefined && own.size >= this.#maxPerPeer) this.#endLongestIdle(own);
    if (this.#sessions.size >= this.#max) {
      throw new ChannelError("ERR_SESSION_LIMIT", "The server holds as many sessions as it may", {
        action: "retry",
      });
    }
  }

  /** Keeps a session. Bounds hold here too: many handshakes may have reserved at the same time. */
  add(session: ResponderSession): void {
    this.reserve(session.peer);
    this.#sessions.set(session.id, session);
    const key = keyOf(session.peer);
    const own = this.#perPeer.get(key) ?? new Set();
    this.#perPeer.set(key, own.add(session));
  }

  remove(session: ResponderSession): void {
    session.destroy();
    this.#forget(session);
  }

  /** Without ending it: a call under way can still be answered, and another node may go on. */
  #forget(session: ResponderSession): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    const key = keyOf(session.peer);
    const own = this.#perPeer.get(key);
    own?.delete(session);
    if (own?.size === 0) this.#perPeer.delete(key);
  }

  /** Ends every session of an identity key: what revoking it means for sessions already open. */
  revoke(keyId: string): number {
    const own = [...(this.#perPeer.get(keyId) ?? [])];
    for (const session of own) this.remove(session);
    return own.length;
  }

  /** Forgets sessions that ended or idled out; returns how many. */
  sweep(): number {
    const now = this.#clock.monotonic();
    this.#lastSweep = now;
    const before = this.#sessions.size;
    for (const session of this.#sessions.values()) {
      if (!session.live) this.remove(session);
      else if (now - session.lastUsed >= this.idleMs) {
        if (this.#cache) this.#forget(session);
        else this.remove(session);
      }
    }
    return before - this.#sessions.size;
  }

  clear(): void {
    for (const session of this.#sessions.values()) this.remove(session);
  }

  #endLongestIdle(own: ReadonlySet<ResponderSession>): void {
    let longest: ResponderSession | undefined;
    for (const session of own)
      if (longest === undefined || session.lastUsed < longest.lastUsed) longest = session;
    if (longest !== undefined) this.remove(longest);
  }
}

function keyOf(peer: Peer | null): string {
  return peer?.keyId ?? "";
}
