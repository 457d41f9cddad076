import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Log } from "../../log.ts";
import { ProgramError } from "../../error.ts";
import { parseUrl } from "../../url.ts";
import {
  HTTP_REFUSED,
  INTERNAL_ERROR,
  JSON_TYPE,
  methodNotAllowed,
  refuse,
  sessionNotFound,
} from "../answer.ts";
import { type PeerIdentity, peerOf, type ServeHandler, type ServeRequestOptions } from "../handler.ts";
import { type ServeLimits, withDefaults } from "../limits.ts";
import { readBounded } from "../request-body.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import { streamOf, wholeOf } from "./response-body.ts";
import { SessionOwners } from "./session-owners.ts";

export interface UpstreamHandlerOptions {
  /** The one endpoint that is called; nothing of a peer's request can change it. */
  readonly url: string | URL;
  /** Sent with every request, such as the server's own credentials. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Header that carries the peer's name; default `x-trusted-mcp-peer`. */
  readonly peerHeader?: string;
  readonly limits?: Partial<ServeLimits>;
  readonly log: Log;
}

const METHODS = ["GET", "POST", "DELETE"];
const CONNECT_MS = 10_000;
/** Shorter than the five seconds after which many servers close an idle connection under a request's feet. */
const IDLE_SOCKET_MS = 4_000;

/** Any plain Streamable HTTP MCP server, passed through as it is. */
export function upstreamHandler(options: UpstreamHandlerOptions): ServeHandler {
  const url = checkedUrl(options.url);
  const forwarder = new Forwarder(url, options, withDefaults(options.limits));
  return {
    fetch: (request, requestOptions) => forwarder.fetch(request, requestOptions),
    close: () => forwarder.close(),
  };
}

function checkedUrl(text: string | URL): URL {
  const url = parseUrl(String(text));
  const plain = url !== undefined && url.username === "" && url.password === "" && url.hash === "";
  if (plain && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new ProgramError(
    "ERR_USAGE",
    "the upstream is an http or https URL without credentials and #fragment",
    {
      action: "fix",
    },
  );
}

class Forwarder {
  readonly #url: URL;
  readonly #options: UpstreamHandlerOptions;
  readonly #limits: ServeLimits;
  readonly #owners = new SessionOwners();
  readonly #agent: HttpAgent;
  readonly #running = new Set<ClientRequest>();
  #closed = false;

  constructor(url: URL, options: UpstreamHandlerOptions, limits: ServeLimits) {
    this.#url = url;
    this.#options = options;
    this.#limits = limits;
    const settings = { keepAlive: true, timeout: IDLE_SOCKET_MS };
    this.#agent = url.protocol === "https:" ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const request of this.#running) request.destroy();
    this.#agent.destroy();
    return Promise.resolve();
  }

  async fetch(request: Request, { authInfo, parsedBody }: ServeRequestOptions = {}): Promise<Response> {
    if (this.#closed) return unavailable();
    if (!METHODS.includes(request.method)) return methodNotAllowed(METHODS.join(", "));
    const peer = peerOf(authInfo);
    const session = request.headers.get("mcp-session-id");
    if (session !== null && !this.#owners.mayUse(session, peer.key)) return sessionNotFound();
    let body: Uint8Array | undefined;
    try {
      body = await this.#body(request, parsedBody);
    } catch {
      return new Response(null, { status: 499 });
    }
    if (body === undefined) return refuse(413, HTTP_REFUSED, "Payload Too Large");
    return this.#forward(request, body, peer);
  }

  /** Whole before anything is sent on: half a request must never reach the server. */
  async #body(request: Request, parsedBody: unknown): Promise<Uint8Array | undefined> {
    if (request.method === "GET") return new Uint8Array(0);
    if (parsedBody !== undefined) return Buffer.from(JSON.stringify(parsedBody));
    return readBounded(request, this.#limits.maxRequestBytes);
  }

  async #forward(request: Request, body: Uint8Array, peer: PeerIdentity): Promise<Response> {
    let incoming: IncomingMessage;
    try {
      incoming = await this.#send(request, body, peer);
    } catch (error) {
      if (request.signal.aborted) return new Response(null, { status: 499 });
      // The address and the reason are for the operator's log, not for the peer.
      const broken = error instanceof Broken;
      const what = broken ? "broke the connection before it answered" : "cannot be reached";
      this.#options.log.error(`the upstream server ${what}`, {
        url: this.#url.origin,
        code: codeOf(broken ? error.cause : error),
      });
      return broken ? outcomeUnknown(what) : unavailable();
    }
    return this.#answer(request, incoming, peer);
  }

  #send(request: Request, body: Uint8Array, peer: PeerIdentity): Promise<IncomingMessage> {
    const { signal } = request;
    const headers = requestHeaders(request.headers, {
      fixed: this.#options.headers ?? {},
      peerHeader: this.#options.peerHeader ?? "x-trusted-mcp-peer",
      peerName: peer.name,
    });
    if (request.method === "POST") headers["content-length"] = String(body.byteLength);
    const start = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Error("aborted"));
      const outgoing = start(this.#url, { method: request.method, headers, agent: this.#agent });
      this.#running.add(outgoing);
      const abort = (): void => void outgoing.destroy();
      signal.addEventListener("abort", abort, { once: true });
      outgoing.once("close", () => {
        this.#running.delete(outgoing);
        signal.removeEventListener("abort", abort);
      });
      limitConnecting(outgoing);
      let connected = false;
      outgoing.once("socket", (socket) => {
        connected = !socket.connecting;
        socket.once(this.#url.protocol === "https:" ? "secureConnect" : "connect", () => (connected = true));
      });
      const fail = (cause: Error): void => reject(connected ? new Broken("broken", { cause }) : cause);
      outgoing.once("error", fail);
      outgoing.once("response", (incoming) => {
        outgoing.off("error", fail).on("error", () => undefined);
        resolve(incoming);
      });
      outgoing.once("upgrade", (_response, socket) => {
        socket.destroy();
        fail(new Error("the upstream switched protocols"));
      });
      outgoing.end(body);
    });
  }

  async #answer(request: Request, incoming: IncomingMessage, peer: PeerIdentity): Promise<Response> {
    const status = incoming.statusCode ?? 502;
    const encoding = incoming.headers["content-encoding"] ?? "identity";
    if ((status >= 300 && status < 400) || encoding !== "identity" || status > 599) {
      // Following would take the request, and the server's credentials, to a place nobody configured.
      const reason =
        status < 400 && status >= 300 ? "it redirects" : `it sent status ${status}, encoding ${encoding}`;
      this.#options.log.error("the upstream server's answer cannot be passed on", {
        url: this.#url.origin,
        reason,
      });
      incoming.destroy();
      return refuse(
        502,
        INTERNAL_ERROR,
        "The MCP server behind this endpoint gave an answer that cannot be passed on",
      );
    }
    const headers = responseHeaders(incoming.headers);
    this.#follow(request, status, headers["mcp-session-id"], peer);
    if (status === 204 || status === 205 || incoming.headers["content-length"] === "0") {
      incoming.resume();
      return new Response(null, { status, headers });
    }
    const type = headers["content-type"] ?? "";
    if (!type.startsWith(JSON_TYPE)) return new Response(streamOf(incoming), { status, headers });
    const body = await wholeOf(incoming, this.#limits.maxMessageBytes);
    if (body !== undefined) return new Response(body, { status, headers });
    if (request.signal.aborted) return new Response(null, { status: 499 });
    this.#options.log.error("the upstream server's answer was cut or too large", { url: this.#url.origin });
    return outcomeUnknown("did not finish its answer");
  }

  #follow(request: Request, status: number, opened: string | undefined, peer: PeerIdentity): void {
    if (opened !== undefined && status < 300) this.#owners.opened(opened, peer.key);
    const session = request.headers.get("mcp-session-id");
    const over = status === 404 || (request.method === "DELETE" && status < 300);
    if (session !== null && over) this.#owners.closed(session);
  }
}

function limitConnecting(outgoing: ClientRequest): void {
  outgoing.once("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => outgoing.destroy(new Error("connecting took too long")), CONNECT_MS);
    const done = (): void => clearTimeout(timer);
    socket.once("connect", done).once("close", done);
  });
}

/** The connection stood: the server may have got the request, whatever happened then. */
class Broken extends Error {}

function unavailable(): Response {
  return refuse(502, INTERNAL_ERROR, "The MCP server behind this endpoint cannot be reached");
}

/** Never repeated here, not even on a connection that had been idle: a tool must not run twice. */
function outcomeUnknown(what: string): Response {
  const message = `The MCP server behind this endpoint ${what}; the request may have run`;
  return refuse(502, INTERNAL_ERROR, message, { data: { code: "ERR_OUTCOME_UNKNOWN" } });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
