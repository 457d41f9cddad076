import { isObject } from "./handler.ts";

export type JsonRpcId = string | number;
type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonRpcRequest {
  readonly kind: "request";
  readonly id: JsonRpcId;
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly value: JsonObject;
}
export interface JsonRpcNotification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly value: JsonObject;
}
export interface JsonRpcResponse {
  readonly kind: "response";
  /** Null only in an error about a message whose id could not be read. */
  readonly id: JsonRpcId | null;
  readonly result: unknown;
  readonly error: JsonObject | undefined;
  readonly value: JsonObject;
}
export type JsonRpcMessage = JsonRpcRequest | JsonRpcNotification | JsonRpcResponse;

/** JSON-RPC 2.0 §4 and §5 as MCP narrows them: ids are strings or numbers, params are objects. */
export function readMessage(value: unknown): JsonRpcMessage | undefined {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  const { id, method, params } = value;
  if (typeof method !== "string") return readResponse(value);
  if ("result" in value || "error" in value) return undefined;
  if (params !== undefined && !isObject(params)) return undefined;
  if (!("id" in value)) return { kind: "notification", method, params, value };
  return isId(id) ? { kind: "request", id, method, params, value } : undefined;
}

function readResponse(value: JsonObject): JsonRpcMessage | undefined {
  const { id, method, result, error } = value;
  if (method !== undefined || "result" in value === "error" in value) return undefined;
  if ("error" in value) {
    if (!isObject(error) || typeof error["code"] !== "number") return undefined;
    // MCP 2025-11-25 lets an error go without an id as well.
    if (!isId(id))
      return id === null || id === undefined
        ? { kind: "response", id: null, result, error, value }
        : undefined;
    return { kind: "response", id, result, error, value };
  }
  return isId(id) ? { kind: "response", id, result, error: undefined, value } : undefined;
}

export interface Batch {
  readonly messages: readonly JsonRpcMessage[];
  /** An array, which 2025-03-26 allowed: its answers go back as an array. */
  readonly batch: boolean;
}

export const MAX_BATCH = 100;

/** One message, or a batch of them; undefined when any of it is not JSON-RPC. */
export function readMessages(value: unknown): Batch | undefined {
  if (!Array.isArray(value)) {
    const message = readMessage(value);
    return message && { messages: [message], batch: false };
  }
  if (value.length === 0 || value.length > MAX_BATCH) return undefined;
  const messages: JsonRpcMessage[] = [];
  for (const element of value) {
    const message = readMessage(element);
    if (message === undefined) return undefined;
    messages.push(message);
  }
  return { messages, batch: true };
}

/** `1e999` is a JSON number, but Infinity here: it would be answered as `null`. */
export function isId(value: unknown): value is JsonRpcId {
  return typeof value === "string" || Number.isFinite(value);
}

/** `params._meta`, where progress tokens and the 2026-07-28 envelope live. */
export function metaOf(params: JsonObject | undefined): JsonObject | undefined {
  const meta = params?.["_meta"];
  return isObject(meta) ? meta : undefined;
}

/** The id to repeat in an error about this body, when it is one request. */
export function idOf(value: unknown): JsonRpcId | null {
  return isObject(value) && typeof value["method"] === "string" && isId(value["id"]) ? value["id"] : null;
}
