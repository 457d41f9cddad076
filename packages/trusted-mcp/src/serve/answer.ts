import type { JsonRpcId } from "./json-rpc.ts";

export const JSON_TYPE = "application/json";
export const SSE_TYPE = "text/event-stream";

/** JSON-RPC codes: JSON-RPC 2.0 §5.1; -32000 and -32001 as the official SDK uses them over HTTP. */
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INTERNAL_ERROR = -32603;
export const HTTP_REFUSED = -32000;
export const SESSION_NOT_FOUND = -32001;
export const HEADER_MISMATCH = -32020;

export interface RpcErrorDetail {
  readonly id?: JsonRpcId | null;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function rpcError(id: JsonRpcId | null, code: number, message: string, data?: unknown): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  });
}

/** An HTTP answer that is a JSON-RPC error. Its text never holds an address, a path or another peer's data. */
export function refuse(status: number, code: number, message: string, detail: RpcErrorDetail = {}): Response {
  return new Response(rpcError(detail.id ?? null, code, message, detail.data), {
    status,
    headers: { "content-type": JSON_TYPE, ...detail.headers },
  });
}

export function accepted(): Response {
  return new Response(null, { status: 202 });
}

/** One and the same for a session that never was, has ended, or is another peer's. */
export function sessionNotFound(): Response {
  return refuse(404, SESSION_NOT_FOUND, "Session not found");
}

export function methodNotAllowed(allow: string): Response {
  return refuse(405, HTTP_REFUSED, "Method not allowed.", { headers: { allow } });
}

/** Nothing was executed; the client may come back. */
export function busy(message: string, retryAfterSeconds = 1, id: JsonRpcId | null = null): Response {
  return refuse(503, INTERNAL_ERROR, message, { id, headers: { "retry-after": String(retryAfterSeconds) } });
}
