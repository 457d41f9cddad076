import type { IncomingHttpHeaders } from "node:http";

const HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * Why a request is not from this machine's own programs; undefined when it is. A web page that rebinds its
 * DNS name to 127.0.0.1 still sends its own name in Host, and a page of another site sends its Origin
 * (MCP, Streamable HTTP, security warning): without both checks any page could use our identity.
 */
export function refusedBy(headers: IncomingHttpHeaders): string | undefined {
  if (!HOST.test(headers.host ?? "")) return "the Host header does not name this machine";
  if (headers.origin !== undefined && !ORIGIN.test(headers.origin)) return "the Origin is another site";
  // Simple cross-site GETs (an image, a script) carry no Origin, but browsers mark them (Fetch Metadata).
  if (headers["sec-fetch-site"] === "cross-site") return "the request comes from another site";
  return undefined;
}
