import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** What the program itself refuses; everything else comes from the packages below. */
export type ProgramErrorCode =
  | "ERR_USAGE"
  | "ERR_FILE"
  | "ERR_LISTEN"
  | "ERR_UNREACHABLE"
  | "ERR_HTTP_STATUS"
  | "ERR_STREAM_ENDED"
  | "ERR_BAD_ANSWER"
  | "ERR_OUTCOME_UNKNOWN"
  | "ERR_SERVER"
  | "ERR_TIMEOUT"
  | "ERR_ENDED"
  | "ERR_NOT_AVAILABLE";

export class ProgramError extends TrustedMcpError<ProgramErrorCode> {}

export function usageError(message: string): ProgramError {
  return new ProgramError("ERR_USAGE", message, { action: "fix" });
}

/** A port that cannot be had, and the option that chooses another. */
export function listenError(
  host: string,
  port: number,
  option: string,
  cause: NodeJS.ErrnoException,
): ProgramError {
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is taken by another program (${cause.code}): end that one, or choose another with ${option} (0 takes a free one)`,
    EACCES: `this user may not take port ${port} (${cause.code}): choose one above 1023 with ${option}`,
    EADDRNOTAVAIL: `${host} is no address of this machine (${cause.code}): choose another with --host`,
  };
  const message =
    advice[cause.code ?? ""] ??
    `cannot listen on ${host}:${port} (${cause.code ?? cause.name}): choose another with ${option}`;
  return new ProgramError("ERR_LISTEN", message, { action: "fix", cause });
}
