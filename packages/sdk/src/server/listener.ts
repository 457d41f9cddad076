import type { IncomingMessage, ServerResponse } from "node:http";
import { behindListener, type NodeListener } from "./behind-listener.ts";
import type { TrustedServerOptions } from "./options.ts";
import { replayed } from "./replayed.ts";
import { checkPath, leadsTo } from "./sealed-path.ts";
import { serveBehind, type TrustedHandler } from "./trusted.ts";

export interface TrustedListenerOptions extends TrustedServerOptions {
  /**
   * The path that is sealed, with all below it; every other request passes to the listener unchanged.
   * Absent: everything is sealed, and `request.url` is the path of the audience.
   */
  readonly path?: string;
}

/** A Node request listener behind the channel. */
export type TrustedListener = Omit<TrustedHandler, "fetch">;

/**
 * Puts an existing Node request listener behind a trusted-mcp/1 channel: an Express app, Fastify through
 * its `serverFactory`, `getRequestListener(app.fetch)` of Hono, a bare function. It gets Node's own
 * request and response, made of what was sealed; the verified peer is `request.auth`.
 *
 * @example
 * ```ts
 * const sealed = trustedListener(app, { path: "/mcp", identity, clients, audience: "https://tools.example/mcp" });
 * createServer(sealed.node).listen(8080);
 * ```
 * @throws TrustedSdkError ERR_CONFIGURATION when there is no audience, or `path` is not a path.
 */
export function trustedListener(listener: NodeListener, options: TrustedListenerOptions): TrustedListener {
  const path = options.path === undefined ? null : checkPath(options.path);
  const plain = {
    node: async (body: Buffer, request: IncomingMessage, response: ServerResponse) => {
      await listener(replayed(request, response, body), response);
    },
  };
  const handler = serveBehind(
    behindListener(listener, path),
    options,
    options.mode === "prefer" ? plain : null,
  );
  return {
    node: async (request, response, parsedBody) => {
      if (path === null || isSealed(path, request)) await handler.node(request, response, parsedBody);
      else await listener(request, response);
    },
    get sessions() {
      return handler.sessions;
    },
    get streams() {
      return handler.streams;
    },
    revoke: (keyId) => handler.revoke(keyId),
    close: () => handler.close(),
  };
}

/** A router that this listener is mounted in may have shortened `url`, and then keeps what it was. */
function isSealed(path: string, request: IncomingMessage & { readonly originalUrl?: unknown }): boolean {
  const { url = "/", originalUrl } = request;
  return leadsTo(path, url) || (typeof originalUrl === "string" && leadsTo(path, originalUrl));
}
