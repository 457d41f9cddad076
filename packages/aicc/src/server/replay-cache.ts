import { sha256 } from "@trusted-mcp/primitives/hash";
import type { RequestEnvelope } from "../wire/envelope.ts";

/**
 * The requests that this server has opened. AICC/0.1 has neither time nor sequence, so a request stays
 * valid for as long as the server's key does: only memory tells it from a repetition. When the memory
 * is full the oldest entry is forgotten, and that request could be repeated again.
 */
export class ReplayCache {
  readonly #capacity: number;
  readonly #met = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(id: string): boolean {
    return this.#met.has(id);
  }

  /** False when it is there already. Only authentic requests are added: garbage cannot push others out. */
  add(id: string): boolean {
    if (this.#met.has(id)) return false;
    this.#met.add(id);
    if (this.#met.size > this.#capacity) {
      for (const oldest of this.#met) {
        this.#met.delete(oldest);
        break;
      }
    }
    return true;
  }
}

/** One name for one pair of nonce and wrapped key; 128 bits of it. */
export function requestId(envelope: RequestEnvelope): string {
  return Buffer.from(sha256(envelope.nonce, envelope.key)).toString("latin1", 0, 16);
}
