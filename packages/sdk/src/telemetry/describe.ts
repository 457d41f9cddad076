import type { Attributes } from "@opentelemetry/api";
import type { HeaderFields } from "@trusted-mcp/channel";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** MCP's methods, both eras. Anything else a peer may send counts as one: attributes stay few whatever comes. */
const METHODS = new Set([
  "initialize",
  "ping",
  "server/discover",
  "tools/list",
  "tools/call",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "subscriptions/listen",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "roots/list",
  "sampling/createMessage",
  "elicitation/create",
  "tasks/get",
  "tasks/list",
  "tasks/result",
  "tasks/cancel",
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/message",
  "notifications/roots/list_changed",
]);

const OTHER = "_OTHER";
/** Larger bodies are not parsed a second time; their method is where every SDK writes it, near the start. */
const PARSED_BYTES = 65_536;
const NAME = /^[\w.\-/: ]{1,128}$/;
/** MCP's revisions: any date would do, and each one that a peer makes up would be a time series of its own. */
const PROTOCOL_VERSIONS = new Set(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]);

/** What telemetry may know of a request: which MCP method, of which tool. Never arguments, tokens or session ids. */
export interface Described {
  /** An MCP method, GET, DELETE or `_OTHER`. */
  readonly method: string;
  readonly attributes: Attributes;
  readonly tool: string | undefined;
  /** Trace context that an MCP implementation put into `_meta` (SEP-414). */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export function describeRequest(httpMethod: string, fields: HeaderFields, body: Uint8Array): Described {
  const attributes: Attributes = { "network.transport": "tcp", "network.protocol.name": "http" };
  const version = fields.find(([name]) => name === "mcp-protocol-version")?.[1];
  if (version !== undefined && PROTOCOL_VERSIONS.has(version)) attributes["mcp.protocol.version"] = version;
  if (httpMethod !== "POST") {
    attributes["http.request.method"] = httpMethod;
    return { method: httpMethod, attributes, tool: undefined, traceparent: undefined, tracestate: undefined };
  }
  const message = messageOf(body);
  const method = METHODS.has(message.method) ? message.method : OTHER;
  attributes["mcp.method.name"] = method;
  if (message.id !== undefined) attributes["jsonrpc.request.id"] = message.id.slice(0, 64);
  const named = message.name !== undefined && NAME.test(message.name) ? message.name : undefined;
  const tool = method === "tools/call" ? named : undefined;
  if (method === "tools/call") attributes["gen_ai.operation.name"] = "execute_tool";
  if (tool !== undefined) attributes["gen_ai.tool.name"] = tool;
  if (method === "prompts/get" && named !== undefined) attributes["gen_ai.prompt.name"] = named;
  return { method, attributes, tool, traceparent: message.traceparent, tracestate: message.tracestate };
}

interface Message {
  readonly method: string;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

function messageOf(body: Uint8Array): Message {
  if (body.length > PARSED_BYTES) {
    const start = new TextDecoder().decode(body.subarray(0, 512));
    return { method: /^\s*\{[^{}]*?"method"\s*:\s*"([^"\\]{1,64})"/.exec(start)?.[1] ?? "" };
  }
  try {
    const message: unknown = JSON.parse(new TextDecoder().decode(body));
    const params = member(message, "params");
    const meta = member(params, "_meta");
    const id = member(message, "id");
    return {
      method: text(member(message, "method")) ?? "",
      id: typeof id === "number" ? String(id) : text(id),
      name: text(member(params, "name")),
      traceparent: text(member(meta, "traceparent")),
      tracestate: text(member(meta, "tracestate")),
    };
  } catch {
    return { method: "" };
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A refusal's code: one of ours, of which there are few, or that it is none of ours. Never a message. */
export function errorType(error: unknown): string {
  if (!(error instanceof TrustedMcpError)) return OTHER;
  const code: unknown = error.code;
  return typeof code === "string" && /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : OTHER;
}
