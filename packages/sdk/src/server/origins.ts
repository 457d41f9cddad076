import type { IncomingMessage, ServerResponse } from "node:http";
import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { TrustedSdkError } from "../error.ts";
import { REFUSED_BODY, REFUSED_STATUS } from "../wire.ts";
import type { RequestOptions } from "./web-front.ts";

type WebFace = (request: Request, options?: RequestOptions) => Promise<Response>;
type NodeFace = (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => Promise<void>;

interface Faces {
  readonly fetch: WebFace;
  readonly node: NodeFace;
}

interface OriginOptions {
  readonly allowed: readonly string[];
  readonly onerror: (error: unknown) => void;
  /** The wrapped handler serves plaintext, and decides about pages itself where we were not told to. */
  readonly plaintext: boolean;
}

/**
 * Web pages (Fetch §3.3, CORS): only those of the origins that were named get an answer that they can read, and a
 * preflight answer at all. Everybody else's are refused before a byte of the body is read: that also stops a page
 * that rebinds its name to our address, where no CORS applies. Programs send no Origin and pass untouched.
 */
export function withOrigins({ allowed, onerror, plaintext }: OriginOptions, inner: Faces): Faces {
  const origins = new Set(allowed.map(checked));
  const refuses = (origin: string): boolean => {
    if (origins.has(origin) || plaintext) return false;
    onerror(originRefused(origin));
    return true;
  };
  return {
    fetch: async (request, options) => {
      const origin = request.headers.get("origin");
      if (origin === null) return await inner.fetch(request, options);
      if (refuses(origin)) {
        void request.body?.cancel().catch(() => undefined);
        return new Response(REFUSED_BODY, {
          status: REFUSED_STATUS,
          headers: { "content-type": JSON_MEDIA_TYPE },
        });
      }
      if (!origins.has(origin)) return await inner.fetch(request, options);
      const asked = (name: string): string | undefined => request.headers.get(name) ?? undefined;
      const granted = preflight(request.method, asked);
      if (granted !== null)
        return new Response(null, { status: 204, headers: { ...readable(origin), ...granted } });
      const answer = await inner.fetch(request, options);
      const headers = new Headers(answer.headers);
      for (const [name, value] of Object.entries(readable(origin))) headers.set(name, value);
      return new Response(answer.body, { status: answer.status, headers });
    },
    node: async (request, response, parsedBody) => {
      const { origin } = request.headers;
      if (origin === undefined) return await inner.node(request, response, parsedBody);
      if (refuses(origin)) {
        response.writeHead(REFUSED_STATUS, { "content-type": JSON_MEDIA_TYPE, connection: "close" });
        response.end(REFUSED_BODY);
        return;
      }
      if (!origins.has(origin)) return await inner.node(request, response, parsedBody);
      const asked = (name: string): string | undefined => {
        const value = request.headers[name];
        return typeof value === "string" ? value : undefined;
      };
      const granted = preflight(request.method, asked);
      if (granted !== null) {
        response.writeHead(204, { ...readable(origin), ...granted });
        response.end();
        return;
      }
      for (const [name, value] of Object.entries(readable(origin))) response.setHeader(name, value);
      await inner.node(request, response, parsedBody);
    },
  };
}

/** Scheme, host and port as browsers write them (RFC 6454 §6.2), schemes of apps and extensions included. */
function checked(origin: string): string {
  const written = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(origin);
  const web = /^https?:/.test(origin);
  // "*" would let every page in; "null" is what any sandboxed page calls itself.
  if (written && (!web || originOf(origin) === origin)) return origin;
  throw new TrustedSdkError(
    "ERR_CONFIGURATION",
    `${JSON.stringify(origin.slice(0, 100))} is no origin: write scheme://host or scheme://host:port, in lower case and without a path, as https://app.example`,
    { action: "fix" },
  );
}

function originOf(url: string): string | undefined {
  try {
    return new URL(url).origin;
  } catch {
    return undefined;
  }
}

/** Names of header fields (RFC 9110 §5.1), and not many. */
const FIELD_NAMES = /^[a-z0-9!#$%&'*+.^_`|~-]+(, ?[a-z0-9!#$%&'*+.^_`|~-]+)*$/i;

/** What a page of an allowed origin may send: POST, and outer headers of its own choice, which mean nothing to us. */
function preflight(
  method: string | undefined,
  asked: (name: string) => string | undefined,
): Record<string, string> | null {
  if (method !== "OPTIONS" || asked("access-control-request-method") !== "POST") return null;
  const names = asked("access-control-request-headers") ?? "content-type";
  const usable = names.length <= 1024 && FIELD_NAMES.test(names);
  return {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": usable ? names : "content-type",
    "access-control-max-age": "600",
    "content-length": "0",
  };
}

/** No credentials: cookies have no part in this. */
function readable(origin: string): Record<string, string> {
  return { "access-control-allow-origin": origin, vary: "Origin" };
}

function originRefused(origin: string): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_ORIGIN_REFUSED",
    `A web page of ${JSON.stringify(origin.slice(0, 100))} asked; pages may call only when allowedOrigins (serve: --allow-origin) names where they come from`,
    { action: "fix" },
  );
}
