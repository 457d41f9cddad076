import { createServer, type Server } from "node:http";
import type { Implementation, McpServer, McpServerOptions } from "@modelcontextprotocol/server";
import type { Handler } from "@trusted-mcp/http/handler";
import { Definitions } from "./definitions.ts";
import { anonymous, direct } from "./direct.ts";
import { CHECK_EVERY_MS, limitHttp, type HttpLimits } from "./http-limits.ts";
import type { TrustedServerOptions } from "./options.ts";
import { serveBehind, type TrustedHandler } from "./trusted.ts";

export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `/mcp`. */
  readonly path?: string;
  /** Connections, and how long requests may take to arrive. */
  readonly http?: HttpLimits;
}

/** A `TrustedMcpServer` that listens. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends all sessions. */
  readonly close: () => Promise<void>;
}

type Audience = Partial<Pick<TrustedServerOptions, "audience">>;

/**
 * An MCP server that is reachable only through the channel: the official `McpServer`'s definitions,
 * with a `listen` that owns its HTTP.
 *
 * @example
 * ```ts
 * const server = new TrustedMcpServer({ name: "weather", version: "1.0.0" }, { identity, clients });
 * server.registerTool("forecast", { inputSchema: z.object({ city: z.string() }) }, async ({ city }) => …);
 * await server.listen({ port: 8080 });
 * ```
 */
export class TrustedMcpServer {
  readonly registerTool: McpServer["registerTool"];
  readonly registerResource: McpServer["registerResource"];
  readonly registerPrompt: McpServer["registerPrompt"];
  readonly #definitions: Definitions;
  readonly #options: Omit<TrustedServerOptions, "audience"> & Audience;

  constructor(
    info: Implementation,
    options: Omit<TrustedServerOptions, "audience" | "mode"> & Audience & { readonly mcp?: McpServerOptions },
  ) {
    const definitions = new Definitions(info, options.mcp ?? {});
    this.#definitions = definitions;
    this.#options = options;
    this.registerTool = recorded(definitions, "registerTool");
    this.registerResource = recorded(definitions, "registerResource");
    this.registerPrompt = recorded(definitions, "registerPrompt");
  }

  /** The handler for a server of your own; `audience` must be set then. */
  handler(audience: string | readonly string[]): TrustedHandler {
    const full = { ...this.#options, audience };
    return serveBehind(direct(this.#definitions, full.onerror), full, null);
  }

  /**
   * The same definitions for callers whom the channel does not know, such as those of AICC/0.1 on the same endpoint:
   * `aiccServer(server.anonymous(), { keys })`. It checks nobody, and tools see no name: what is put in front of it
   * decides who gets in.
   *
   * @param url - that tools are told to be reached at.
   */
  anonymous(url = "http://localhost/mcp"): Handler {
    return anonymous(this.#definitions, url, this.#options.onerror);
  }

  /** Serves at `http://host:port/path`. Put TLS or a proxy in front freely: the channel passes through. */
  async listen(options: ListenOptions = {}): Promise<Listening> {
    const host = options.host ?? "127.0.0.1";
    const path = options.path ?? "/mcp";
    const http = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS });
    limitHttp(http, options.http);
    const port = await listening(http, options.port ?? 0, host);
    const names = [...new Set([host, "127.0.0.1", "localhost"])];
    const local = names.map((name) => `http://${bracketed(name)}:${port}${path}`);
    const handler = this.handler(this.#options.audience ?? local);
    http.on("request", (request, response) => {
      if (request.url?.split("?", 1)[0] === path) void handler.node(request, response);
      else response.writeHead(404).end();
    });
    const [url = ""] = local;
    return {
      url,
      port,
      close: async () => {
        handler.close();
        http.closeAllConnections();
        await new Promise((resolve) => http.close(resolve));
      },
    };
  }
}

/** Records a registration and gives the caller what the SDK's own method would. */
function recorded<Name extends "registerTool" | "registerResource" | "registerPrompt">(
  definitions: Definitions,
  name: Name,
): McpServer[Name] {
  const record = (...args: unknown[]) =>
    definitions.add((server) => Reflect.apply(server[name] as (...all: unknown[]) => never, server, args));
  return record;
}

function listening(http: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, () => {
      http.off("error", reject);
      const address = http.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
