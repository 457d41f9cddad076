import { MAX_HANDSHAKE_BYTES, type Responder } from "@trusted-mcp/channel";
import { frameLimit } from "../wire.ts";
import { FREE_BYTES } from "./body-budget.ts";
import type { EndpointGuard } from "./endpoint.ts";
import { LOAD_DEFAULTS, type LoadLimit } from "./load-limit.ts";
import type { TrustedServerOptions } from "./options.ts";
import type { ServerTelemetry } from "../telemetry/server.ts";
import { Reaper, sweepEvery } from "./reaper.ts";

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
