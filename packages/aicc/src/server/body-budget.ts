import { sourceKey } from "@trusted-mcp/channel";
import { AiccError } from "../error.ts";

/** Up to this size a body is read without asking: connections bound those. */
const FREE_BYTES = 65_536;

/** Memory for all large request bodies together, which strangers may send. One source gets at most half of it. */
export class BodyBudget {
  readonly #total: number;
  readonly #held = new Map<string, number>();
  #used = 0;

  /** @param total - in bytes. */
  constructor(total = 268_435_456) {
    this.#total = total;
  }

  get used(): number {
    return this.#used;
  }

  /** Room for one body, until it is released. */
  room(address: string | undefined): BodyRoom {
    const source = sourceKey(address ?? "");
    return new BodyRoom((bytes) => this.#take(source, bytes));
  }

  #take(source: string, bytes: number): boolean {
    const held = (this.#held.get(source) ?? 0) + bytes;
    if (bytes > 0 && (this.#used + bytes > this.#total || held > this.#total / 2)) return false;
    this.#used += bytes;
    if (held > 0) this.#held.set(source, held);
    else this.#held.delete(source);
    return true;
  }
}

export class BodyRoom {
  readonly #take: (bytes: number) => boolean;
  #taken = 0;

  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** `size` bytes have come. @throws AiccError ERR_BUSY when there is no room for them. */
  grow(size: number): void {
    if (size <= FREE_BYTES) return;
    if (!this.#take(size - this.#taken))
      throw new AiccError("ERR_BUSY", "There is no room for a large request body: others fill it");
    this.#taken = size;
  }

  release(): void {
    this.#take(-this.#taken);
    this.#taken = 0;
  }
}
