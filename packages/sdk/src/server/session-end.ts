import type { ResponderSession } from "@trusted-mcp/channel";

/** How long a stream may outlive its session: long enough to be reopened elsewhere. */
const STREAM_GRACE_MS = 15 * 60_000;

/**
 * Whether what a session began may still be answered. A peer that was taken off, or has closed its session, is
 * told nothing more. A session that only grew old lets what began in time come to its end.
 */
export function stillServed(session: ResponderSession): boolean {
  if (session.live) return true;
  const overdue = Date.now() - session.notAfter;
  return overdue >= 0 && overdue <= STREAM_GRACE_MS;
}
