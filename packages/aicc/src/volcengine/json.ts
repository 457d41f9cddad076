import { utf8Decode } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An answer of a service; what it is called appears in the message, its content never does. */
export function parseRecord(bytes: Uint8Array | string, what: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(typeof bytes === "string" ? bytes : utf8Decode(bytes));
  } catch (cause) {
    throw badAnswer(`${what} is not JSON`, cause);
  }
  if (!isRecord(value)) throw badAnswer(`${what} is not a JSON object`);
  return value;
}

export function recordIn(record: JsonRecord, name: string, what: string): JsonRecord {
  const value = record[name];
  if (!isRecord(value)) throw badAnswer(`${what} has no object "${name}"`);
  return value;
}

export function textIn(record: JsonRecord, name: string, what: string): string {
  const value = record[name];
  if (typeof value !== "string" || value === "") throw badAnswer(`${what} has no text "${name}"`);
  return value;
}

export function badAnswer(message: string, cause?: unknown): AiccError {
  return new AiccError("ERR_SERVICE_ANSWER", `${message}: the service is not the expected one, or broken`, {
    action: "stop",
    cause,
  });
}
