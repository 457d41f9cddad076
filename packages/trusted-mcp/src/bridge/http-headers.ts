import type { IncomingHttpHeaders } from "node:http";

/** Hop-by-hop (RFC 9110 §7.6.1) and what belongs to the local connection or the local browser only. */
const LOCAL_REQUEST = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "content-length",
  "expect",
  "accept-encoding",
  "origin",
  "referer",
  // Cookies of localhost are shared between all its ports: they are not the remote server's business.
  "cookie",
]);

/** The request's end-to-end headers; names that `Connection` lists are hop-by-hop as well. */
export function forwardedHeaders(headers: IncomingHttpHeaders): Headers {
  const named = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  const forwarded = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || LOCAL_REQUEST.has(name) || named.has(name) || name.startsWith("sec-"))
      continue;
    forwarded.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return forwarded;
}

const LOCAL_RESPONSE = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  // The body that we pass on is already decoded.
  "content-encoding",
  "set-cookie",
]);

export function returnedHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !LOCAL_RESPONSE.has(name)));
}
