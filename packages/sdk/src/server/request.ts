import type { HeaderFields } from "@trusted-mcp/channel";
import type { AddressedRequest } from "@trusted-mcp/http/web-request";
import type { InnerRequest } from "./inner.ts";

/** The request as a wrapped web-standard handler is to see it. */
export function addressed(inner: InnerRequest): AddressedRequest {
  const { method, headers, body, departure } = inner;
  return { method, url: innerAddress(inner).url, headers: innerFields(headers), body, departure };
}

/** The address that the client proved to mean, never the outer Host header. */
export interface InnerAddress {
  readonly audience: string;
  readonly url: string;
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
}

/** A server has one audience or a few: what was read last is what is asked next. */
let latest: InnerAddress | null = null;

export function innerAddress(inner: InnerRequest): InnerAddress {
  const { audience } = inner.session;
  if (latest?.audience !== audience) latest = parseAddress(audience);
  return latest;
}

function parseAddress(audience: string): InnerAddress {
  // ASCII only: on Node 20 and 22 an optimised `URL.canParse` takes Latin-1 for UTF-8, and `new Request` throws.
  const url = /^[!-~]+$/.test(audience) && URL.canParse(audience) ? audience : "http://localhost/mcp";
  const { host, pathname, search, protocol } = new URL(url);
  return { audience, url, host, path: pathname + search, secure: protocol === "https:" };
}

/** Fields about an HTTP connection that does not exist inside the channel (RFC 9110 §7.6.1). */
const IGNORED = new Set([
  "host",
  "connection",
  "proxy-connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
  "te",
  "trailer",
  "expect",
]);

/** What proxies say about whom they speak for (RFC 7239): nobody between the ends can have written it. */
const PROXIES = /^(?:forwarded|x-forwarded-.*|x-real-ip)$/;

/** The fields of a sealed request that the handler behind the channel is shown. */
export function innerFields(fields: HeaderFields): HeaderFields {
  return fields.filter(([name]) => !IGNORED.has(name) && !PROXIES.test(name));
}
