import {
  classifyInboundRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  type JSONRPCMessage,
  type MessageClassification,
} from "@modelcontextprotocol/server";
import { field, type HandlerRequest } from "@trusted-mcp/http/handler";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";

/** A message that may take a lane, and the era in which it is served; legacy without classification. */
export interface LaneMessage {
  readonly message: JSONRPCMessage;
  readonly classification: MessageClassification | undefined;
}

/**
 * The message, if a lane may take it: one JSON-RPC message that the SDK's HTTP entry would serve too,
 * of the legacy era or a modern `tools/call`. Anything that the entry might refuse, or treat in a way
 * of its own, is left to it (null).
 */
export function laneMessage(request: HandlerRequest): LaneMessage | null {
  const { headers, method, body: bytes } = request;
  if (method !== "POST" || mediaType(field(headers, "content-type")) !== JSON_MEDIA_TYPE) return null;
  const accept = field(headers, "accept") ?? "";
  if (!accept.includes(JSON_MEDIA_TYPE) || !accept.includes(STREAM_MEDIA_TYPE)) return null;
  const body = parse(bytes);
  if (!isMessage(body) || !("method" in body) || body.method === "initialize") return null;
  const version = field(headers, "mcp-protocol-version");
  if (isPlainlyLegacy(body, version)) return { message: body, classification: undefined };
  const mcpMethod = field(headers, "mcp-method");
  const mcpName = field(headers, "mcp-name");
  const outcome = classifyInboundRequest({
    httpMethod: "POST",
    body,
    ...(version !== undefined && { protocolVersionHeader: version }),
    ...(mcpMethod !== undefined && { mcpMethodHeader: mcpMethod }),
    ...(mcpName !== undefined && { mcpNameHeader: mcpName }),
  });
  if (outcome.kind === "legacy") {
    const served = version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(version);
    return served ? { message: body, classification: undefined } : null;
  }
  if (outcome.kind !== "modern" || body.method !== "tools/call" || mcpMethod !== body.method) return null;
  const { classification } = outcome;
  if (classification.revision !== MODERN_REVISION || version !== MODERN_REVISION) return null;
  // The header field must be there and say what the body says (2026-07-28, "Standard request headers").
  return mcpName !== undefined && mcpName === body.params?.["name"]
    ? { message: body, classification }
    : null;
}

const MODERN_REVISION = "2026-07-28";

/**
 * What the SDK's classifier would call legacy, and its schemas accept, beyond doubt: no claim of a modern revision
 * in header or body, and no member that they would look at. The classifier tries three schemas on each message,
 * which costs more than opening the record it came in.
 */
function isPlainlyLegacy(body: JSONRPCMessage, version: string | undefined): boolean {
  if (version !== undefined && (version >= MODERN_REVISION || !SUPPORTED_PROTOCOL_VERSIONS.includes(version)))
    return false;
  for (const name of Object.keys(body)) if (!MEMBERS.has(name)) return false;
  const params: unknown = "params" in body ? body.params : undefined;
  if (!isObject(params) || !("_meta" in params)) return params === undefined || isObject(params);
  const meta: unknown = params._meta;
  if (!isObject(meta)) return false;
  return Object.entries(meta).every(
    ([name, value]) => name === "progressToken" && (typeof value === "string" || Number.isSafeInteger(value)),
  );
}

const MEMBERS = new Set(["jsonrpc", "id", "method", "params"]);

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMessage(body: unknown): body is JSONRPCMessage {
  if (!isObject(body) || !("jsonrpc" in body) || body.jsonrpc !== "2.0") return false;
  if (!("method" in body) || typeof body.method !== "string") return false;
  if ("params" in body && !isObject(body.params)) return false;
  return !("id" in body) || typeof body.id === "string" || Number.isSafeInteger(body.id);
}
