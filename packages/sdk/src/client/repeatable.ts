/** Methods whose repetition changes nothing (MCP 2025-11-25 and 2026-07-28): they only read, or set the same again. */
const REPEATABLE = new Set([
  "initialize",
  "ping",
  "server/discover",
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "notifications/initialized",
]);

/**
 * Whether a request may run twice without harm. Anything unknown may not; `tools/call` never. Nor a body that
 * may name a second method: of two members with one name a server may take the other than this parser, and some
 * do not tell upper from lower case (RFC 8259 §4, §8.3).
 */
export function isRepeatable(httpMethod: string, body: string): boolean {
  if (httpMethod !== "POST") return true;
  if (body.includes("\\u") || (body.match(/"method"/gi)?.length ?? 0) > 1) return false;
  try {
    const message: unknown = JSON.parse(body);
    if (typeof message !== "object" || message === null || !("method" in message)) return false;
    return typeof message.method === "string" && REPEATABLE.has(message.method);
  } catch {
    return false;
  }
}

/** The same for a message that this end writes itself: each of its members then stands there once. */
export function isRepeatableMessage(message: object): boolean {
  if (!("method" in message) || typeof message.method !== "string") return false;
  return REPEATABLE.has(message.method) && Object.keys(message).every((name) => MEMBERS.has(name));
}

const MEMBERS = new Set(["jsonrpc", "id", "method", "params"]);
