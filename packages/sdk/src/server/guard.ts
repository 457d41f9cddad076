import { MAX_HANDSHAKE_BYTES, type Responder } from "@trusted-mcp/channel";
import { frameLimit } from "../wire.ts";
import { FREE_BYTES } from "./body-budget.ts";
import type { EndpointGuard } from "./endpoint.ts";
import { LOAD_DEFAULTS, LoadLimit } from "./load-limit.ts";
import type { TrustedServerOptions } from "./options.ts";
import { Reaper, sweepEvery } from "./reaper.ts";

/** The limits of one endpoint, as its options set them. */
export function guardOf(responder: Responder, options: TrustedServerOptions): EndpointGuard {
  const load = new LoadLimit(options.limits);
  const { streamIdleMs, stallMs } = { ...LOAD_DEFAULTS, ...options.limits };
  const reaper = new Reaper(
    () => {
      const left = responder.sweep();
      return load.sweep() || left;
    },
    sweepEvery(responder.sessions.idleMs, streamIdleMs, stallMs),
  );
  // Only a client's evidence makes a handshake large.
  const maxHandshakeBytes = options.appraiser === undefined ? FREE_BYTES : frameLimit(MAX_HANDSHAKE_BYTES);
  return { load, reaper, maxHandshakeBytes };
}
