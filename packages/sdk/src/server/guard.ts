import { MAX_HANDSHAKE_BYTES, type Responder } from "@trusted-mcp/channel";
import { FREE_BYTES } from "@trusted-mcp/http/body-budget";
import { frameLimit } from "../wire.ts";
import type { EndpointGuard } from "./endpoint.ts";
import { LOAD_DEFAULTS, type LoadLimit } from "./load-limit.ts";
import type { TrustedServerOptions } from "./options.ts";
import type { ServerTelemetry } from "../telemetry/server.ts";
import { Reaper, sweepEvery } from "./reaper.ts";

/** How old the store's word may be that the session of a quiet stream is open. */
const QUIET_MS = 60_000;

/** The limits of one endpoint, as its options set them. */
export function guardOf(
  responder: Responder,
  options: TrustedServerOptions,
  load: LoadLimit,
  telemetry: ServerTelemetry,
): EndpointGuard {
  const { streamIdleMs, stallMs } = { ...LOAD_DEFAULTS, ...options.limits };
  const reaper = new Reaper(
    () => {
      const left = responder.sweep();
      const { shared } = responder;
      // A stream on which nothing is said asks nothing by itself, and its peer may have been revoked at another node.
      if (shared !== null) for (const each of load.streaming()) void shared.confirm(each, QUIET_MS);
      return load.sweep() || left;
    },
    sweepEvery(responder.sessions.idleMs, streamIdleMs, stallMs),
  );
  // Only a client's evidence makes a handshake large.
  const maxHandshakeBytes = options.appraiser === undefined ? FREE_BYTES : frameLimit(MAX_HANDSHAKE_BYTES);
  return { load, reaper, maxHandshakeBytes, telemetry };
}

/** Counts what is heard of refusals, and passes it on. */
export function counted(
  telemetry: ServerTelemetry,
  onerror: (error: unknown) => void,
): (error: unknown) => void {
  return (error) => {
    telemetry.refused(error);
    onerror(error);
  };
}
