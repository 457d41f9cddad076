import { isIPv4 } from "node:net";
import { AiccError } from "../error.ts";

/** Origin and path: a query may hold a nonce or a name that belongs in no log. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

export function isLoopback(url: URL): boolean {
  const host = url.hostname;
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}

/**
 * The address of a service. `text` may be a URL or, as in the Python configuration, a bare host. HTTPS unless it
 * is this machine: the Python SDK's default, HTTP, let anyone on the way take the private key.
 */
export function serviceUrl(text: string, what: string): URL {
  const url = parsed(text, what);
  if (url.username !== "" || url.password !== "") throw refused(what, "must not hold a user or password");
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))) return url;
  throw refused(
    what,
    url.protocol === "http:"
      ? "must use https: over http anyone on the way can read and change everything"
      : "must be an https URL",
  );
}

/** For what carries no secret and proves itself, such as evidence. */
export function plainServiceUrl(text: string, what: string): URL {
  const url = parsed(text, what);
  if (url.protocol === "https:" || url.protocol === "http:") return url;
  throw refused(what, "must be an http or https URL");
}

function parsed(text: string, what: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  // Not by `URL.canParse`, which an engine that has optimised it answers wrongly for Latin-1 (Node 20 and 22).
  try {
    return new URL(full);
  } catch {
    throw refused(what, "is not a URL");
  }
}

function refused(what: string, why: string): AiccError {
  return new AiccError("ERR_SERVICE_URL", `${what} ${why}`, { action: "fix" });
}
