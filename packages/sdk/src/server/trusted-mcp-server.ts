import { createServer, type Server } from "node:http";
import {
  classifyInboundRequest,
  createMcpHandler,
  isJSONRPCRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Implementation,
  type JSONRPCMessage,
  type McpHttpHandler,
  type McpServer,
  type McpServerOptions,
} from "@modelcontextprotocol/server";
import type { ResponderSession } from "@trusted-mcp/channel";
import { JSON_MEDIA_TYPE, mediaType, STREAM_MEDIA_TYPE } from "../wire.ts";
import { authInfoOf } from "./auth-info.ts";
import { Definitions } from "./definitions.ts";
import { field, type InnerHandler, type InnerRequest, type InnerResponse } from "./inner.ts";
import { Lane } from "./lane.ts";
import type { TrustedServerOptions } from "./options.ts";
import { serveBehind, type TrustedHandler } from "./trusted.ts";
import { behindChannel } from "./web-handler.ts";

export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `/mcp`. */
  readonly path?: string;
}

/** A `TrustedMcpServer` that listens. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends all sessions. */
  close(): Promise<void>;
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

  /** Serves at `http://host:port/path`. Put TLS or a proxy in front freely: the channel passes through. */
  async listen(options: ListenOptions = {}): Promise<Listening> {
    const host = options.host ?? "127.0.0.1";
    const path = options.path ?? "/mcp";
    const http = createServer();
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

interface SessionLane {
  readonly lane: Lane;
  readonly version: number;
}

/** Well-formed legacy-era messages go straight into a lane; everything else takes the SDK's own entry. */
function direct(definitions: Definitions, onerror?: (error: unknown) => void): InnerHandler {
  const handler: McpHttpHandler = createMcpHandler(() => definitions.server(), {
    ...(onerror && { onerror }),
  });
  const general = behindChannel(handler);
  const lanes = new WeakMap<ResponderSession, Promise<SessionLane>>();

  const laneFor = async (session: ResponderSession): Promise<Lane> => {
    const existing = lanes.get(session);
    const current = await existing;
    if (current?.version === definitions.version) return current.lane;
    const opened = open(definitions, session);
    lanes.set(session, opened);
    return (await opened).lane;
  };

  return async (inner) => {
    const message = laneMessage(inner);
    if (message === null) return await general(inner);
    const lane = await laneFor(inner.session);
    if (isJSONRPCRequest(message)) return await lane.request(message, inner.departure);
    lane.accept(message);
    return ACCEPTED;
  };
}

const ACCEPTED: InnerResponse = { status: 202, headers: [], body: new Uint8Array(0) };

async function open(definitions: Definitions, session: ResponderSession): Promise<SessionLane> {
  const { version } = definitions;
  const lane = new Lane(authInfoOf(session));
  await lane.connect(definitions.server());
  return { lane, version };
}

/**
 * The message, if a lane may take it: one legacy-era JSON-RPC message that the SDK's entry would
 * serve too. Anything it might refuse or treat in its own way is left to it (null).
 */
function laneMessage(inner: InnerRequest): JSONRPCMessage | null {
  const { headers, method } = inner;
  if (method !== "POST" || mediaType(field(headers, "content-type")) !== JSON_MEDIA_TYPE) return null;
  const accept = field(headers, "accept") ?? "";
  if (!accept.includes(JSON_MEDIA_TYPE) || !accept.includes(STREAM_MEDIA_TYPE)) return null;
  const version = field(headers, "mcp-protocol-version");
  if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return null;
  const body = parse(inner.body);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return null;
  if (!("method" in body) || body.method === "initialize") return null;
  const mcpMethod = field(headers, "mcp-method");
  const mcpName = field(headers, "mcp-name");
  const outcome = classifyInboundRequest({
    httpMethod: "POST",
    body,
    ...(version !== undefined && { protocolVersionHeader: version }),
    ...(mcpMethod !== undefined && { mcpMethodHeader: mcpMethod }),
    ...(mcpName !== undefined && { mcpNameHeader: mcpName }),
  });
  if (outcome.kind !== "legacy" || !isMessage(body)) return null;
  return body;
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return null;
  }
}

function isMessage(body: object): body is JSONRPCMessage {
  if (
    !("jsonrpc" in body) ||
    body.jsonrpc !== "2.0" ||
    !("method" in body) ||
    typeof body.method !== "string"
  )
    return false;
  if (
    "params" in body &&
    (typeof body.params !== "object" || body.params === null || Array.isArray(body.params))
  )
    return false;
  return !("id" in body) || typeof body.id === "string" || Number.isSafeInteger(body.id);
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
