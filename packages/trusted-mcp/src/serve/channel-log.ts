import type { HandshakeEvent } from "@trusted-mcp/channel";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { codeOf } from "../exit-code.ts";
import type { Log, LogFields } from "../log.ts";

const PER_MINUTE = 20;
const MINUTE_MS = 60_000;

export interface ChannelLog {
  readonly onHandshake: (event: HandshakeEvent) => void;
  readonly onerror: (error: unknown) => void;
}

/** Who came in and who was refused. Anyone can cause refusals, so their number of lines is bounded. */
export function channelLog(log: Log, now: () => number = () => performance.now()): ChannelLog {
  const warn = limited(log, now);
  return {
    onHandshake: (event) => {
      if (event.outcome === "refused")
        return warn("refused a client", { code: event.code, reason: event.reason, source: event.source });
      const fields = {
        client: event.peer?.name ?? "anonymous",
        keyId: event.peer?.keyId,
        source: event.source,
      };
      if (event.resumed) log.debug("a client has resumed its session", fields);
      else log.info("a client has proved its identity", fields);
    },
    onerror: (error) => {
      // What is not ours may quote a peer's data; its name is enough.
      if (error instanceof TrustedMcpError)
        warn("refused a request", { code: codeOf(error), reason: error.message });
      else warn("a request failed", { error: error instanceof Error ? error.name : "unknown" });
    },
  };
}

/** Warnings that anybody can cause: so many a minute, and then their number. */
export function limited(
  log: Log,
  now: () => number = () => performance.now(),
): (message: string, fields: LogFields) => void {
  let since = now();
  let count = 0;
  return (message, fields) => {
    if (now() - since >= MINUTE_MS) {
      if (count > PER_MINUTE)
        log.warn("more refusals were not logged one by one", { refusals: count - PER_MINUTE });
      since = now();
      count = 0;
    }
    if (++count <= PER_MINUTE) log.warn(message, fields);
  };
}
