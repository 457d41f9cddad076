import type { Log } from "../../log.ts";
import { busy } from "../answer.ts";
import type { PeerIdentity } from "../handler.ts";
import type { ServeLimits } from "../limits.ts";
import { Backoff } from "./backoff.ts";
import { Child, type ChildCommand, type ChildEnd } from "./child.ts";

const STDERR_HINT = "--log-level debug shows what it wrote to its standard error";

/** What a child is used for; the pool asks it before it takes the child away. */
export interface Tenant {
  /** A call is under way or a stream is open. */
  readonly busy: boolean;
  /** When it was last used (performance.now()). */
  readonly usedAt: number;
  /** Its client listened for messages and no longer does. */
  readonly left: boolean;
  /** Only asked whether the server speaks an era: an end is then an answer, not a crash. */
  readonly probing: boolean;
  onLine(line: Buffer): void;
  onEnd(end: ChildEnd): void;
}

interface Member {
  readonly peer: PeerIdentity;
  readonly child: Child;
  readonly tenant: Tenant;
}

/** Every child there is: how many, for whom, and that each one ends. */
export class ChildPool {
  readonly #members = new Set<Member>();
  readonly #command: ChildCommand;
  readonly #limits: ServeLimits;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #reaper: NodeJS.Timeout;
  #closed = false;

  constructor(command: ChildCommand, limits: ServeLimits, log: Log) {
    this.#command = command;
    this.#limits = limits;
    this.#log = log;
    this.#backoff = new Backoff(limits);
    this.#reaper = setInterval(() => this.#reap(), Math.max(50, Math.min(limits.idleMs / 4, 30_000))).unref();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Starts a child for a peer, or says why not now. Processes that are still ending count as well. */
  async start(peer: PeerIdentity, tenant: Tenant): Promise<Child | Response> {
    for (;;) {
      if (this.#closed) return busy("The server is shutting down");
      const wait = this.#backoff.waitMs(peer.key);
      if (wait > 0)
        return busy(
          "The MCP server behind this endpoint keeps ending; try again later",
          Math.ceil(wait / 1000),
        );
      const own = [...this.#members].filter((member) => member.peer.key === peer.key);
      const ownFull = own.length >= this.#limits.maxChildrenPerPeer;
      if (!ownFull && this.#members.size < this.#limits.maxChildren) break;
      const leaving = (ownFull ? own : [...this.#members]).filter(({ child }) => child.over);
      if (leaving.length > 0) {
        await Promise.race(leaving.map(({ child }) => child.ended));
      } else if (!(await this.#evict(own))) {
        this.#log.warn("no room for another server process", {
          peer: peer.name,
          processes: this.#members.size,
        });
        return busy("Too many sessions are open; close one or try again later", 5);
      }
    }
    return this.#spawn(peer, tenant);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#reaper);
    await Promise.all([...this.#members].map(({ child }) => child.stop("the program is shutting down")));
  }

  #spawn(peer: PeerIdentity, tenant: Tenant): Child | Response {
    try {
      const child = new Child({
        command: this.#command,
        limits: this.#limits,
        log: this.#log,
        onLine: (line) => tenant.onLine(line),
      });
      const member = { peer, child, tenant };
      this.#members.add(member);
      this.#log.debug("server process started", { peer: peer.name, pid: child.pid });
      void child.ended.then((end) => this.#ended(member, end));
      return child;
    } catch (error) {
      this.#backoff.failed(peer.key);
      this.#log.error("the server process could not be started", { code: codeOf(error) });
      return busy("The MCP server behind this endpoint cannot be started");
    }
  }

  #ended(member: Member, end: ChildEnd): void {
    const { peer, child, tenant } = member;
    this.#members.delete(member);
    const fields = {
      peer: peer.name,
      pid: child.pid,
      code: end.code ?? undefined,
      signal: end.signal ?? undefined,
      why: end.why,
    };
    if (end.stopped || tenant.probing) this.#log.debug("server process ended", fields);
    // What it wrote may hold its secrets: it is shown only to those who ask for it.
    else this.#log.warn("server process ended by itself", { ...fields, hint: STDERR_HINT });
    if (end.stopped || end.livedMs >= this.#limits.crashMs) this.#backoff.survived(peer.key);
    else if (!tenant.probing) this.#backoff.failed(peer.key);
    tenant.onEnd(end);
  }

  /** Ends the longest idle of a peer's own children. Never another peer's: nobody can end a stranger's session. */
  async #evict(own: readonly Member[]): Promise<boolean> {
    const { evictIdleMs, evictLeftMs } = this.#limits;
    const now = performance.now();
    const patience = (left: boolean): number => (left ? Math.min(evictLeftMs, evictIdleMs) : evictIdleMs);
    const idle = own.filter(({ tenant }) => !tenant.busy && now - tenant.usedAt >= patience(tenant.left));
    const oldest = idle.toSorted((a, b) => a.tenant.usedAt - b.tenant.usedAt)[0];
    await oldest?.child.stop("it was idle and its place was needed");
    return oldest !== undefined;
  }

  #reap(): void {
    const before = performance.now() - this.#limits.idleMs;
    for (const { child, tenant } of this.#members) {
      if (!child.over && !tenant.busy && tenant.usedAt <= before) void child.stop("it was idle");
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
