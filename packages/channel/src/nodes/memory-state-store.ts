import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import type { Admission, StateStore, StoredSession, StoredSessionLimits } from "../ports.ts";
import { ReplayWindow } from "../replay-window.ts";

interface Entry {
  readonly value: Uint8Array;
  readonly until: number;
}

interface Session {
  value: Uint8Array;
  version: number;
  window: ReplayWindow | null;
  readonly group: string;
  readonly idleMs: number;
  readonly end: number;
  until: number;
}

/** How long a session that was ended is still known as such. */
const ENDED_MS = 15 * 60_000;

/** A store in this process: for tests, and the reference for stores that nodes really share. It is not bounded. */
export class MemoryStateStore implements StateStore {
  readonly #entries = new Map<string, Entry>();
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async put(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#entries.set(key, { value, until: this.#clock.monotonic() + ttlMs });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.until > this.#clock.monotonic()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  async take(key: string): Promise<Uint8Array | undefined> {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    return entry !== undefined && entry.until > this.#clock.monotonic() ? entry.value : undefined;
  }

  async openSession(key: string, value: Uint8Array, limits: StoredSessionLimits): Promise<void> {
    const now = this.#clock.monotonic();
    const { group, idleMs, lifeMs } = limits;
    const until = now + Math.min(idleMs, lifeMs);
    const window = new ReplayWindow();
    this.#sessions.set(key, { value, version: 1, window, group, idleMs, end: now + lifeMs, until });
    const own = [...this.#sessions].filter(([, each]) => each.group === group && this.#open(each));
    for (const [, oldest] of own.slice(0, Math.max(0, own.length - limits.groupLimit))) this.#end(oldest);
  }

  async session(key: string): Promise<StoredSession | undefined> {
    const session = this.#sessions.get(key);
    if (session === undefined || session.until <= this.#clock.monotonic()) return undefined;
    return { version: session.version, value: session.value };
  }

  async replaceSession(key: string, version: number, value: Uint8Array): Promise<boolean> {
    const session = this.#sessions.get(key);
    if (session?.version !== version || !this.#open(session)) return false;
    session.value = value;
    session.version += 1;
    return true;
  }

  async admit(key: string, sequence: number): Promise<Admission> {
    const session = this.#sessions.get(key);
    if (session === undefined || !this.#open(session)) return { verdict: "gone" };
    const { version } = session;
    if (session.window?.admit(sequence) !== true) return { verdict: "seen", version };
    session.until = Math.min(this.#clock.monotonic() + session.idleMs, session.end);
    return { verdict: "fresh", version };
  }

  async endSession(key: string): Promise<void> {
    const session = this.#sessions.get(key);
    if (session !== undefined) this.#end(session);
  }

  async endGroup(group: string): Promise<number> {
    const own = [...this.#sessions.values()].filter((each) => each.group === group);
    const open = own.filter((each) => this.#open(each)).length;
    // Idle ones too: a node may still have a stream of theirs.
    for (const session of own) this.#end(session);
    return open;
  }

  #open(session: Session): boolean {
    return session.window !== null && session.until > this.#clock.monotonic();
  }

  #end(session: Session): void {
    session.value = new Uint8Array(0);
    session.window = null;
    session.until = this.#clock.monotonic() + ENDED_MS;
  }
}
