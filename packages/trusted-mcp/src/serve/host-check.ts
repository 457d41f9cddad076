import type { IncomingHttpHeaders } from "node:http";
import { parseUrl } from "../url.ts";
import { isLoopback } from "./audience.ts";

const REMEDY =
  "if clients rightly use that name, start serve with --audience and the URL that they use, or listen on that address with --host";

/**
 * For a server on a loopback address: why a request is refused before anything is read. A web page that
 * rebinds its DNS name to 127.0.0.1 still sends its own name in Host and Origin (MCP §transports, security
 * warning). The names in `audiences` are allowed too: a reverse proxy on this machine passes them on. So are pages
 * of `origins`, which whoever started us has named.
 */
export function hostCheck(
  audiences: readonly string[],
  origins: readonly string[] = [],
): (headers: IncomingHttpHeaders) => string | undefined {
  const known = new Set(audiences.map((each) => parseUrl(each)?.hostname));
  const allowed = (url: string): boolean => {
    const hostname = parseUrl(url)?.hostname;
    if (hostname === undefined) return false;
    return known.has(hostname) || isLoopback(hostname.replace(/^\[|\]$/g, ""));
  };
  return ({ host, origin }) => {
    // A host and a port, nothing a URL parser would take for a user or a path (RFC 9110 §7.2).
    if (host === undefined || /[^A-Za-z0-9.:[\]_-]/.test(host) || !allowed(`http://${host}`))
      return `the Host header does not name this server; ${REMEDY}`;
    if (origin !== undefined && !origins.includes(origin) && !allowed(origin))
      return `the Origin header names another site; ${REMEDY}`;
    return undefined;
  };
}
