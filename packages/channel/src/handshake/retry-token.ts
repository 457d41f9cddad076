import { Reader, Writer, equal, random } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { hmacSha384 } from "@trusted-mcp/primitives/kdf";
import { encodeItems } from "../transcript.ts";

const TOKEN_LIFETIME_MS = 10_000;
const MAC_BYTES = 32;
/** By how much the clocks of nodes may differ (spec §5.7). */
const SKEW_MS = 5000;

/**
 * Stateless proof that a client came back with the same F1 (spec §3.2). It holds no secret and is
 * checked before any KEM or signature; its key never leaves the process and dies with it, unless nodes share one.
 */
export class RetryTokens {
  readonly #keys: readonly [Uint8Array, ...Uint8Array[]];
  /** A token of a node whose clock is ahead by less than this is taken. */
  readonly #aheadMs: number;
  readonly #time: () => number;

  /** @param shared - keys that the nodes of a server have in common; then their wall clocks count. */
  constructor(clock: Clock, shared: readonly Uint8Array[] = []) {
    const [first, ...others] = shared;
    this.#keys = first === undefined ? [random(48)] : [first, ...others];
    this.#time = first === undefined ? () => clock.monotonic() : () => clock.now();
    this.#aheadMs = first === undefined ? 1 : SKEW_MS;
  }

  issue(untokened: Uint8Array, source: string): Uint8Array {
    const time = Math.floor(this.#time());
    return new Writer()
      .u64(time)
      .raw(mac(this.#keys[0], time, untokened, source))
      .finish();
  }

  accepts(token: Uint8Array, untokened: Uint8Array, source: string): boolean {
    if (token.length !== 8 + MAC_BYTES) return false;
    let time: number;
    const reader = new Reader(token);
    try {
      time = reader.u64();
    } catch {
      return false;
    }
    const given = reader.rest();
    if (!this.#keys.some((key) => equal(given, mac(key, time, untokened, source)))) return false;
    const age = this.#time() - time;
    return age >= -this.#aheadMs && age <= TOKEN_LIFETIME_MS;
  }
}

function mac(key: Uint8Array, time: number, untokened: Uint8Array, source: string): Uint8Array {
  const items = encodeItems([new Writer().u64(time).finish(), new TextEncoder().encode(source), untokened]);
  return hmacSha384(key, items).subarray(0, MAC_BYTES);
}
