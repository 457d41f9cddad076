import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { IdentityError, type IdentityErrorCode } from "./error.ts";

/** Runs a parser; what the byte reader refuses gets this package's code, programming errors stay what they are. */
export function parsing<T>(code: IdentityErrorCode, what: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof IdentityError || !(cause instanceof TrustedMcpError)) throw cause;
    throw new IdentityError(code, `${what} is malformed: ${cause.message}`, { cause });
  }
}
