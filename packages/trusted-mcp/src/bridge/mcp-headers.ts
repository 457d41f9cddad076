import { NAMED_BY } from "@trusted-mcp/http/mcp-name";
import { isRecord, type RpcNotification, type RpcRequest } from "./json-rpc.ts";

/** Key of the protocol version in the per-request `_meta` envelope (revision 2026-07-28). */
export const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** The revision that a modern message claims; undefined for a message of the legacy era. */
export function claimedVersion(message: RpcRequest | RpcNotification): string | undefined {
  const meta = message.params["_meta"];
  const version = isRecord(meta) ? meta[VERSION_KEY] : undefined;
  return typeof version === "string" ? version : undefined;
}

/** The headers that a server compares with the body of a modern message. */
export function modernHeaders(
  message: RpcRequest | RpcNotification,
  version: string,
): Record<string, string> {
  const headers: Record<string, string> = { "mcp-protocol-version": headerValue(version) };
  headers["mcp-method"] = headerValue(message.method);
  const source = NAMED_BY.get(message.method);
  const name = source === undefined ? undefined : message.params[source];
  if (typeof name === "string") headers["mcp-name"] = headerValue(name);
  return headers;
}

/** One argument that a tool wants mirrored into `Mcp-Param-NAME`. */
export interface ParamHeader {
  readonly name: string;
  readonly path: readonly string[];
}

/** RFC 9110 §5.6.2 token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** A sealed request holds at most 64 header fields. */
const MAX_PARAM_HEADERS = 48;
const MAX_DEPTH = 16;

/** The `x-mcp-header` declarations of a tool's input schema, found along `properties` only. */
export function paramHeaders(inputSchema: unknown): readonly ParamHeader[] {
  const found: ParamHeader[] = [];
  const visit = (node: unknown, path: readonly string[]): void => {
    if (!isRecord(node) || path.length > MAX_DEPTH || found.length >= MAX_PARAM_HEADERS) return;
    const name = node["x-mcp-header"];
    if (typeof name === "string" && path.length > 0 && TOKEN.test(name)) found.push({ name, path });
    const properties = node["properties"];
    if (isRecord(properties))
      for (const [key, child] of Object.entries(properties)) visit(child, [...path, key]);
  };
  visit(inputSchema, []);
  return found;
}

/** The `Mcp-Param-*` headers of one call; absent and non-primitive arguments give none. */
export function paramHeaderValues(declared: readonly ParamHeader[], args: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { name, path } of declared) {
    let value: unknown = args;
    for (const key of path) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    const text = primitive(value);
    if (text !== undefined) headers[`mcp-param-${name.toLowerCase()}`] = headerValue(text);
  }
  return headers;
}

function primitive(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

/**
 * A string as a field value: visible ASCII as it is, everything else as `=?base64?…?=`. A line break in a
 * tool's name can therefore never start a header of its own.
 */
export function headerValue(text: string): string {
  const plain = /^[\t\x20-\x7e]+$/.test(text) && text === text.trim();
  const looksEncoded = text.startsWith("=?base64?") && text.endsWith("?=");
  return plain && !looksEncoded ? text : `=?base64?${Buffer.from(text, "utf8").toString("base64")}?=`;
}

/** What the bridge has seen of the server's tools; only tools that declare headers are remembered. */
export class ToolCatalogue {
  readonly #tools = new Map<string, readonly ParamHeader[]>();

  /** Takes in one page of a `tools/list` result; the first page starts afresh. */
  learn(request: RpcRequest, result: unknown): void {
    if (typeof request.params["cursor"] !== "string") this.#tools.clear();
    const tools = isRecord(result) && Array.isArray(result["tools"]) ? result["tools"] : [];
    for (const tool of tools) {
      if (!isRecord(tool) || typeof tool["name"] !== "string") continue;
      const declared = paramHeaders(tool["inputSchema"]);
      if (declared.length > 0 && this.#tools.size < 10_000) this.#tools.set(tool["name"], declared);
    }
  }

  headers(request: RpcRequest): Record<string, string> {
    const name = request.params["name"];
    const declared =
      request.method === "tools/call" && typeof name === "string" ? this.#tools.get(name) : undefined;
    return declared === undefined ? {} : paramHeaderValues(declared, request.params["arguments"]);
  }
}
