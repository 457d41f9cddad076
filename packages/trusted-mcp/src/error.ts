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
  | "ERR_SERVER"
  | "ERR_TIMEOUT"
  | "ERR_ENDED"
  | "ERR_NOT_AVAILABLE";

export class ProgramError extends TrustedMcpError<ProgramErrorCode> {}

export function usageError(message: string): ProgramError {
  return new ProgramError("ERR_USAGE", message, { action: "fix" });
}
