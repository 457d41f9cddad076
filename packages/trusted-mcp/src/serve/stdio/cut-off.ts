import { INTERNAL_ERROR, rpcError } from "../answer.ts";
import type { JsonRpcId } from "../json-rpc.ts";

/** These begin a conversation: nothing has run because of them. */
const OPENING = new Set(["initialize", "server/discover"]);

/** The answer to a request whose process ended first, and whether it may have run. */
export function cutOff(id: JsonRpcId, method: string, why: string, code: number = INTERNAL_ERROR): string {
  const message = `The MCP server process ended before it answered: ${why}`;
  if (OPENING.has(method)) return rpcError(id, code, message);
  return rpcError(id, code, `${message}; the request may have run`, { code: "ERR_OUTCOME_UNKNOWN" });
}
