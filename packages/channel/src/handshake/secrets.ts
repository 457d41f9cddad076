import { open, seal } from "@trusted-mcp/primitives/aead";
import { ChannelError } from "../error.ts";
import type { TrafficKey } from "../key-schedule.ts";

/** Seals a handshake flight: each of these keys is used for exactly one message, with its own IV. */
export function sealFlight(traffic: TrafficKey, clear: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return seal(traffic.key, traffic.iv, clear, plaintext);
}

/** Opens a handshake flight; any change to it, clear part included, ends here. */
export function openFlight(
  traffic: TrafficKey,
  clear: Uint8Array,
  sealed: Uint8Array,
  name: string,
): Uint8Array {
  try {
    return open(traffic.key, traffic.iv, clear, sealed);
  } catch (cause) {
    throw new ChannelError(
      "ERR_HANDSHAKE_AUTH",
      `${name} does not authenticate: it was changed on the way, or belongs to another handshake`,
      { cause },
    );
  }
}
