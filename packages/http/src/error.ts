import { TrustedMcpError } from "@trusted-mcp/primitives/error";

export type HttpErrorCode = "ERR_CLOSED" | "ERR_BODY_TOO_LARGE" | "ERR_BODY_TIMEOUT" | "ERR_BODY_BUSY";

export class HttpError extends TrustedMcpError<HttpErrorCode> {}

export function bodyTooLarge(limit: number): HttpError {
  return new HttpError("ERR_BODY_TOO_LARGE", `A request body is larger than the ${limit} bytes allowed`);
}

export function bodyTooSlow(limitMs: number): HttpError {
  return new HttpError("ERR_BODY_TIMEOUT", `A request body took longer than ${limitMs} ms`);
}

export function bodyBusy(): HttpError {
  const message = "There was no room for a large request body: others fill what maxBufferedBytes allows";
  return new HttpError("ERR_BODY_BUSY", message, { action: "retry" });
}
