import type { IncomingHttpHeaders } from "node:http";

/** What of a peer's request an MCP server needs to see; everything else stays here. */
const REQUEST = new Set([
  "accept",
  "authorization",
  "content-type",
  // The proof that an access token is its sender's own (RFC 9449 §7.1).
  "dpop",
  "last-event-id",
  // W3C Trace Context, which 2026-07-28 servers may read.
  "baggage",
  "traceparent",
  "tracestate",
]);
/** What of the server's answer a client needs: no cookies, no redirects, nothing about the machine behind. */
const RESPONSE = new Set([
  "allow",
  "cache-control",
  "content-language",
  "content-type",
  "dpop-nonce",
  "retry-after",
  "www-authenticate",
  "x-accel-buffering",
]);

/** Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Param-*. */
const isMcp = (name: string): boolean => name.startsWith("mcp-");

export interface RequestHeaderOptions {
  /** Fixed by the operator; stronger than what a peer sends. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Header that tells the server who calls; a peer cannot set it itself. */
  readonly peerHeader: string;
  readonly peerName: string | undefined;
}

/**
 * The headers for the server behind: an allow list, so that hop-by-hop fields (RFC 9110 §7.6.1), cookies,
 * Host, Origin and forwarding headers of a peer never reach it.
 */
export function requestHeaders(from: Headers, options: RequestHeaderOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of from) if (REQUEST.has(name) || isMcp(name)) headers[name] = value;
  // No compression next to secrets, and bodies pass through as they are.
  headers["accept-encoding"] = "identity";
  for (const [name, value] of Object.entries(options.fixed)) headers[name.toLowerCase()] = value;
  const peerHeader = options.peerHeader.toLowerCase();
  delete headers[peerHeader];
  if (options.peerName !== undefined) headers[peerHeader] = options.peerName;
  return headers;
}

export function responseHeaders(from: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined || !(RESPONSE.has(name) || isMcp(name))) continue;
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return headers;
}
