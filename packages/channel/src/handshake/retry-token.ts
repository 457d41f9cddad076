import { Reader, Writer, equal, random } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { hmacSha384 } from "@trusted-mcp/primitives/kdf";
import { encodeItems } from "../transcript.ts";

const TOKEN_LIFETIME_MS = 10_000;
const MAC_BYTES = 32;

/**
 * Stateless proof that a client came back with the same F1 (spec §3.2). It holds no secret and is
 * checked before any KEM or signature; its key never leaves the process and dies with it.
 */
export class RetryTokens {
  readonly #key = random(48);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(untokened: Uint8Array, source: string): Uint8Array {
    const time = Math.floor(this.#clock.monotonic());
    return new Writer()
      .u64(time)
      .raw(this.#mac(time, untokened, source))
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
    if (!equal(reader.rest(), this.#mac(time, untokened, source))) return false;
    const age = this.#clock.monotonic() - time;
    return age >= -1 && age <= TOKEN_LIFETIME_MS;
  }

  #mac(time: number, untokened: Uint8Array, source: string): Uint8Array {
    const items = encodeItems([new Writer().u64(time).finish(), new TextEncoder().encode(source), untokened]);
    return hmacSha384(this.#key, items).subarray(0, MAC_BYTES);
  }
}
