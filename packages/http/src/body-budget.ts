import { sourceKey } from "@trusted-mcp/channel";
import { bodyBusy, bodyTooLarge } from "./error.ts";

/** Up to this size a body is read without asking: what strangers need for a handshake, and small calls. */
export const FREE_BYTES = 65_536;

interface Waiting {
  readonly source: string;
  readonly bytes: number;
  readonly go: () => void;
}

/**
 * Memory for large request bodies, from their first byte until their request was answered. It is reserved before
 * a body is read, so that bodies which wait for room do not hold any. One source gets at most half of it.
 */
export class BodyBudget {
  readonly #total: number;
  readonly #perSource: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #used = 0;

  /** @param largest - of one body; the budget is never less than two of them. */
  constructor(total: number, largest: number) {
    this.#total = Math.max(total, 2 * largest);
    this.#perSource = Math.max(this.#total / 2, largest);
  }

  get used(): number {
    return this.#used;
  }

  /** Takes room if there is some now; what it gives back releases it. */
  take(address: string, bytes: number): (() => void) | null {
    if (bytes <= FREE_BYTES) return () => undefined;
    const source = sourceKey(address);
    return this.#fits(source, bytes) ? this.#reserve(source, bytes) : null;
  }

  /** Waits for room, at most `ms`; null when there was none. */
  async wait(address: string, bytes: number, ms: number): Promise<(() => void) | null> {
    const now = this.take(address, bytes);
    if (now !== null) return now;
    const source = sourceKey(address);
    return await new Promise((resolve) => {
      const waiting: Waiting = {
        source,
        bytes,
        go: () => {
          clearTimeout(timer);
          resolve(this.#reserve(source, bytes));
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        resolve(null);
      }, ms);
      this.#waiting.add(waiting);
    });
  }

  #fits(source: string, bytes: number): boolean {
    const own = this.#held.get(source) ?? 0;
    return this.#used + bytes <= this.#total && own + bytes <= this.#perSource;
  }

  #reserve(source: string, bytes: number): () => void {
    this.#used += bytes;
    this.#held.set(source, (this.#held.get(source) ?? 0) + bytes);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#used -= bytes;
      const left = (this.#held.get(source) ?? 0) - bytes;
      if (left > 0) this.#held.set(source, left);
      else this.#held.delete(source);
      for (const waiting of this.#waiting) {
        if (!this.#fits(waiting.source, waiting.bytes)) continue;
        this.#waiting.delete(waiting);
        waiting.go();
      }
    };
  }
}

/** Room for one request's body while it is read and served. */
export class BodyRoom {
  readonly #budget: BodyBudget;
  readonly #source: string;
  readonly #limit: number;
  #reserved = FREE_BYTES;
  #releases: (() => void)[] = [];

  /** @param limit - of one body, in bytes. */
  constructor(budget: BodyBudget, source: string, limit: number) {
    this.#budget = budget;
    this.#source = source;
    this.#limit = limit;
  }

  /**
   * Waits for room for a body that says how long it is, at most `ms`.
   *
   * @throws HttpError ERR_BODY_TOO_LARGE, ERR_BODY_BUSY.
   */
  async reserve(declared: number, ms: number): Promise<void> {
    if (declared > this.#limit) throw bodyTooLarge(this.#limit);
    if (!(declared > FREE_BYTES)) return;
    const release = await this.#budget.wait(this.#source, declared, ms);
    if (release === null) throw bodyBusy();
    this.#reserved = declared;
    this.#releases.push(release);
  }

  /** `size` bytes have come. One that did not say its length is reserved whole, once it is no small one. */
  grow(size: number): void {
    if (size > this.#limit) throw bodyTooLarge(this.#limit);
    if (size <= this.#reserved) return;
    const release = this.#budget.take(this.#source, this.#limit);
    if (release === null) throw bodyBusy();
    this.#reserved = this.#limit;
    this.#releases.push(release);
  }

  release(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
  }
}
