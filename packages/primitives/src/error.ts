/** What the caller can do about an error: change something, try again, or give up. */
export type ErrorAction = "fix" | "retry" | "stop";

/** Base of every error Trusted MCP throws. Messages never hold key material. */
export class TrustedMcpError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly action: ErrorAction;

  constructor(code: Code, message: string, options: { action?: ErrorAction; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.action = options.action ?? "stop";
  }
}

export type PrimitiveErrorCode =
  | "ERR_ARGUMENT"
  | "ERR_PARSE"
  | "ERR_UTF8"
  | "ERR_BASE64URL"
  | "ERR_AEAD_OPEN"
  | "ERR_KEM"
  | "ERR_KEY_UNSUPPORTED"
  | "ERR_SPKI";

export class PrimitiveError extends TrustedMcpError<PrimitiveErrorCode> {}

/** A call that no input from a peer can cause: the program that makes it is wrong. */
export function argumentError(message: string): PrimitiveError {
  return new PrimitiveError("ERR_ARGUMENT", message, { action: "fix" });
}
