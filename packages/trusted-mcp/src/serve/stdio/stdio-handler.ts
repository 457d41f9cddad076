import {
  classifyInboundRequest,
  isJsonContentType,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import type { Log } from "../../log.ts";
import {
  accepted,
  HTTP_REFUSED,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  methodNotAllowed,
  refuse,
  sessionNotFound,
  SSE_TYPE,
} from "../answer.ts";
import {
  isObject,
  type PeerIdentity,
  peerOf,
  type ServeHandler,
  type ServeRequestOptions,
} from "../handler.ts";
import { type Batch, idOf, metaOf, readMessage, readMessages } from "../json-rpc.ts";
import { type ServeLimits, withDefaults } from "../limits.ts";
import { type JsonBody, readJson } from "../request-body.ts";
import type { ChildCommand } from "./child.ts";
import { childEnvironment } from "./environment.ts";
import { LegacySession } from "./legacy-session.ts";
import { ModernGate } from "./modern-gate.ts";
import { checkStandardHeaders } from "./modern-headers.ts";
import { ChildPool } from "./pool.ts";
import { resolveCommand } from "./resolve-command.ts";

export interface StdioHandlerOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Variables for the server beside the few harmless ones that it inherits. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<ServeLimits>;
  readonly log: Log;
}

export interface StdioHandler extends ServeHandler {
  /** Child processes that exist now. */
  readonly processes: number;
}

const LEGACY_VERSIONS: ReadonlySet<string> = new Set([
  "2024-10-07",
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
]);

/** Any stdio MCP server as a Streamable HTTP one, in both protocol eras. */
export function stdioHandler(options: StdioHandlerOptions): StdioHandler {
  const env = childEnvironment(options.env);
  const command: ChildCommand = Object.freeze({
    file: resolveCommand(options.command, options.cwd ?? process.cwd(), env["PATH"]),
    args: Object.freeze([...(options.args ?? [])]),
    cwd: options.cwd,
    env: Object.freeze(env),
  });
  const router = new StdioRouter(command, withDefaults(options.limits), options.log);
  return {
    fetch: (request, requestOptions) => router.fetch(request, requestOptions),
    close: () => router.close(),
    get processes() {
      return router.processes;
    },
  };
}

class StdioRouter {
  readonly #limits: ServeLimits;
  readonly #log: Log;
  readonly #pool: ChildPool;
  /** Per peer: another peer's session id is looked up where it cannot be. */
  readonly #sessions = new Map<string, Map<string, LegacySession>>();
  readonly #gates = new Map<string, ModernGate>();

  constructor(command: ChildCommand, limits: ServeLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
    this.#pool = new ChildPool(command, limits, log);
  }

  get processes(): number {
    return this.#pool.size;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async fetch(request: Request, options: ServeRequestOptions = {}): Promise<Response> {
    const peer = peerOf(options.authInfo);
    try {
      switch (request.method) {
        case "POST":
          return await this.#post(peer, request, options.parsedBody);
        case "GET":
          return this.#get(peer, request);
        case "DELETE":
          return this.#delete(peer, request);
        default:
          return methodNotAllowed("GET, POST, DELETE");
      }
    } catch (error) {
      if (request.signal.aborted) return new Response(null, { status: 499 });
      this.#log.error("a request could not be handled", {
        error: error instanceof Error ? error.name : "unknown",
      });
      return refuse(500, INTERNAL_ERROR, "Internal server error");
    }
  }

  async #post(peer: PeerIdentity, request: Request, parsedBody: unknown): Promise<Response> {
    if (!isJsonContentType(request.headers.get("content-type"))) {
      return refuse(415, HTTP_REFUSED, "Unsupported Media Type: Content-Type must be application/json");
    }
    const body = await readJson(request, parsedBody, this.#limits.maxRequestBytes);
    if (body instanceof Response) return body;
    if (claimsModern(request.headers, body.value)) return this.#modern(peer, request, body);
    const batch = readMessages(body.value);
    if (batch === undefined)
      return refuse(400, INVALID_REQUEST, "Invalid Request: not a JSON-RPC message", {
        id: idOf(body.value),
      });
    return this.#legacy(peer, request, body, batch);
  }

  async #modern(peer: PeerIdentity, request: Request, { text, value }: JsonBody): Promise<Response> {
    const { headers } = request;
    const outcome = classifyInboundRequest({ httpMethod: "POST", body: value, ...standardHeaders(headers) });
    if (outcome.kind === "reject") {
      return refuse(outcome.httpStatus, outcome.code, outcome.message, {
        id: idOf(value),
        data: outcome.data,
      });
    }
    const message = readMessage(value);
    // A modern header on what is no modern request (a posted answer, say) belongs to no session of ours.
    if (outcome.kind === "legacy" || message === undefined) return sessionNotFound();
    if (message.kind === "request") {
      return (
        checkStandardHeaders(headers, message) ?? (await this.#gate(peer).post({ text, message, request }))
      );
    }
    const claimed =
      message.kind === "notification" && metaOf(message.params)?.[PROTOCOL_VERSION_META_KEY] !== undefined;
    // Cancelling is closing the stream. An id in a notification could be another caller's.
    const namesIds = message.kind === "notification" && ID_NOTIFICATIONS.has(message.method);
    if (claimed && !namesIds) await this.#gate(peer).notify(text);
    return accepted();
  }

  async #legacy(peer: PeerIdentity, request: Request, { text }: JsonBody, batch: Batch): Promise<Response> {
    const accept = request.headers.get("accept") ?? "";
    if (!(accept.includes("application/json") && accept.includes(SSE_TYPE)) && !accept.includes("*/*")) {
      return refuse(
        406,
        HTTP_REFUSED,
        "Not Acceptable: Client must accept both application/json and text/event-stream",
      );
    }
    const initializes = batch.messages.some(
      (message) => message.kind === "request" && message.method === "initialize",
    );
    const session = this.#find(peer, request.headers);
    if (initializes && session === undefined) {
      if (batch.messages.length > 1)
        return refuse(400, INVALID_REQUEST, "Invalid Request: initialize must stand alone");
      return this.#open(peer, request, text, batch);
    }
    if (session === undefined) return noSession();
    if (session instanceof Response) return session;
    if (initializes) return refuse(400, INVALID_REQUEST, "Invalid Request: Server already initialized");
    return session.post(text, batch, request);
  }

  async #open(peer: PeerIdentity, request: Request, text: string, batch: Batch): Promise<Response> {
    const session = new LegacySession({
      limits: this.#limits,
      log: this.#log,
      onClosed: () => this.#forget(peer, session),
    });
    const child = await this.#pool.start(peer, session);
    if (child instanceof Response) return child;
    session.start(child);
    const own = this.#sessions.get(peer.key) ?? new Map<string, LegacySession>();
    this.#sessions.set(peer.key, own.set(session.id, session));
    return session.post(text, batch, request);
  }

  #get(peer: PeerIdentity, request: Request): Response {
    if (!(request.headers.get("accept") ?? "").includes(SSE_TYPE)) {
      return refuse(406, HTTP_REFUSED, "Not Acceptable: Client must accept text/event-stream");
    }
    const session = this.#find(peer, request.headers) ?? noSession();
    return session instanceof Response ? session : session.listen(request);
  }

  #delete(peer: PeerIdentity, request: Request): Response {
    const session = this.#find(peer, request.headers) ?? noSession();
    if (session instanceof Response) return session;
    this.#forget(peer, session);
    void session.stop("its client closed the session");
    return new Response(null, { status: 200 });
  }

  /** The session that the request names; undefined when it names none, a refusal when there is no such. */
  #find(peer: PeerIdentity, headers: Headers): LegacySession | Response | undefined {
    const id = headers.get("mcp-session-id");
    if (id === null) return undefined;
    const session = this.#sessions.get(peer.key)?.get(id);
    if (session === undefined || session.over) return sessionNotFound();
    const version = headers.get("mcp-protocol-version");
    if (version === null || version === session.protocolVersion || LEGACY_VERSIONS.has(version))
      return session;
    return refuse(400, HTTP_REFUSED, "Bad Request: Unsupported protocol version");
  }

  #forget(peer: PeerIdentity, session: LegacySession): void {
    const own = this.#sessions.get(peer.key);
    own?.delete(session.id);
    if (own?.size === 0) this.#sessions.delete(peer.key);
  }

  #gate(peer: PeerIdentity): ModernGate {
    const known = this.#gates.get(peer.key);
    if (known !== undefined) return known;
    for (const [key, gate] of this.#gates) if (gate.idle) this.#gates.delete(key);
    const gate = new ModernGate({ pool: this.#pool, peer, limits: this.#limits, log: this.#log });
    this.#gates.set(peer.key, gate);
    return gate;
  }
}

const ID_NOTIFICATIONS: ReadonlySet<string> = new Set(["notifications/cancelled", "notifications/progress"]);

/** Cheap first look; the SDK's classifier then judges everything that could be of the 2026-07-28 era. */
function claimsModern(headers: Headers, body: unknown): boolean {
  const version = headers.get("mcp-protocol-version");
  if (version !== null && version >= "2026-07-28") return true;
  return Array.isArray(body) ? body.some(hasEnvelope) : hasEnvelope(body);
}

function hasEnvelope(body: unknown): boolean {
  if (!isObject(body) || !isObject(body["params"])) return false;
  const meta = metaOf(body["params"]);
  return meta !== undefined && PROTOCOL_VERSION_META_KEY in meta;
}

function standardHeaders(headers: Headers): Record<string, string> {
  const pairs = [
    ["protocolVersionHeader", headers.get("mcp-protocol-version")],
    ["mcpMethodHeader", headers.get("mcp-method")],
    ["mcpNameHeader", headers.get("mcp-name")],
  ] as const;
  return Object.fromEntries(pairs.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function noSession(): Response {
  return refuse(400, HTTP_REFUSED, "Bad Request: Mcp-Session-Id header is required");
}
