import { TrustedMcpError } from "@trusted-mcp/primitives/error";

const QUIET_MS = 10_000;

/**
 * What a server does with refusals when nobody listens: a process warning, so that a wrong setup does
 * not stay a riddle. At most one for each code in ten seconds: strangers cannot flood the log.
 */
export function warner(): (code: string, reason: string) => void {
  const seen = new Map<string, { at: number; missed: number }>();
  return (code, reason) => {
    const now = performance.now();
    const last = seen.get(code);
    if (last !== undefined && now - last.at < QUIET_MS) {
      last.missed += 1;
      return;
    }
    seen.set(code, { at: now, missed: 0 });
    const more =
      last === undefined || last.missed === 0 ? "" : ` (and ${last.missed} more since the last time)`;
    process.emitWarning(`${reason}${more}`, { type: "TrustedMcpWarning", code });
  };
}

/** Code and message of our own errors; nothing of anybody else's, which may quote content. */
export function described(error: unknown): { code: string; reason: string } {
  if (error instanceof TrustedMcpError) return { code: String(error.code), reason: error.message };
  return { code: "ERR_HANDLER", reason: "The handler behind the channel failed; set onerror to see how" };
}
