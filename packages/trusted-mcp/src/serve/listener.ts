import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { CHECK_EVERY_MS, limitHttp } from "@trusted-mcp/sdk/server";
import { listenError } from "../error.ts";
import type { Log } from "../log.ts";
import { ENDPOINT_PATH } from "./audience.ts";
import { limited } from "./channel-log.ts";
import { hostCheck } from "./host-check.ts";

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface Listener {
  readonly port: number;
  /** From now on requests reach `handler`; until then they wait for nobody: 503. */
  serve(
    handler: NodeHandler,
    allowedHosts: readonly string[] | undefined,
    allowedOrigins?: readonly string[],
  ): void;
  /** No new connections; the open ones end with their request. */
  stop(): void;
  close(): Promise<void>;
}

/** The HTTP server: one path, and nothing said about anything else. */
export async function listen(
  host: string,
  port: number,
  log: Log,
  maxConnections: number,
): Promise<Listener> {
  let handler: NodeHandler | undefined;
  let refusedBy: ReturnType<typeof hostCheck> | undefined;
  const warn = limited(log);
  const server = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS }, (request, response) => {
    const refused = refusedBy?.(request.headers);
    if (refused !== undefined) {
      const { host, origin } = request.headers;
      warn("refused a request", {
        reason: refused,
        host: host?.slice(0, 100),
        origin: origin?.slice(0, 100),
      });
      return plain(response, 403, `Forbidden: ${refused}`);
    }
    if ((request.url ?? "").split("?")[0] !== ENDPOINT_PATH) return plain(response, 404, "Not found");
    if (handler === undefined) return plain(response, 503, "Starting");
    handler(request, response).catch((error: unknown) => {
      log.error("a request could not be served", {
        error: error instanceof Error ? error.name : "unknown",
      });
      response.destroy();
    });
  });
  limitHttp(server, { maxConnections });
  const bound = await bind(server, host, port);
  return {
    port: bound,
    serve: (next, allowedHosts, allowedOrigins = []) => {
      handler = next;
      refusedBy = allowedHosts === undefined ? undefined : hostCheck(allowedHosts, allowedOrigins);
    },
    stop: () => {
      server.close();
      server.closeIdleConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(listenError(host, port, "--port", cause));
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error").on("error", () => undefined);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${text}\n`);
}
