import { TrustedMcpError } from "@trusted-mcp/primitives/error";

export type HttpErrorCode = "ERR_CLOSED";

export class HttpError extends TrustedMcpError<HttpErrorCode> {}
