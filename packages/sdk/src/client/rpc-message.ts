import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/client";

/** JSON-RPC messages by their shape alone; the SDK checks what is in them when it gets them. */

/** @throws SyntaxError when `text` is not JSON, TypeError when it is not one JSON-RPC 2.0 message. */
export function parseMessage(text: string): JSONRPCMessage {
  return checked(JSON.parse(text));
}

/** A JSON answer: one message, or a batch as servers before 2025-06-18 may send it. */
export function parseAnswer(text: string): JSONRPCMessage[] {
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.map(checked) : [checked(value)];
}

function checked(value: unknown): JSONRPCMessage {
  if (isMessage(value)) return value;
  throw new TypeError("What the server sent is JSON, but not a JSON-RPC 2.0 message");
}

function isMessage(value: unknown): value is JSONRPCMessage {
  if (!isObject(value) || !("jsonrpc" in value) || value.jsonrpc !== "2.0") return false;
  const members = Object.keys(value).length;
  const withId = "id" in value;
  if (withId && !isId(value.id)) return false;
  if ("method" in value) {
    const withParams = "params" in value;
    if (typeof value.method !== "string" || (withParams && !isObject(value.params))) return false;
    return members === 2 + Number(withId) + Number(withParams);
  }
  if ("result" in value) return withId && members === 3 && isObject(value.result);
  return "error" in value && members === 2 + Number(withId) && isError(value.error);
}

function isError(value: unknown): boolean {
  if (!isObject(value) || !("code" in value) || !("message" in value)) return false;
  return Number.isSafeInteger(value.code) && typeof value.message === "string";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is RequestId {
  return typeof value === "string" || Number.isSafeInteger(value);
}

/** The id of a request; null for everything that waits for no answer. */
export function requestId(message: JSONRPCMessage): RequestId | null {
  return "method" in message && "id" in message ? message.id : null;
}

/** Whether `message` is the answer to some request. */
export function isAnswer(message: JSONRPCMessage): boolean {
  return !("method" in message);
}
