import { isRecord } from "../bridge/json-rpc.ts";

/** Whether the `data` of a JSON-RPC error says that the request may have run: `serve` says so when it cannot know. */
export function saysOutcomeUnknown(data: unknown): boolean {
  return isRecord(data) && data["code"] === "ERR_OUTCOME_UNKNOWN";
}
