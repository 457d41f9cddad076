import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/client";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { EXTENSION_NAME, REFUSED_CODE } from "../wire.ts";

/**
 * What a call hears whose answer broke off and will not come any more. Made here, never taken from the wire: the
 * MCP SDKs themselves would let the call wait for its time limit.
 */
export function cutMessage(id: RequestId, cause: unknown): JSONRPCMessage {
  const known = cause instanceof TrustedMcpError;
  const code = known ? String(cause.code) : "ERR_OUTCOME_UNKNOWN";
  const message = known
    ? cause.message
    : "The answer broke off, and its rest could not be had; whether the request ran is unknown";
  return {
    jsonrpc: "2.0",
    id,
    error: { code: REFUSED_CODE, message, data: { code, extension: EXTENSION_NAME } },
  };
}
