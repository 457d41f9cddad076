import type { IncomingMessage, ServerResponse } from "node:http";
import type { Responder } from "@trusted-mcp/channel";
import { BodyBudget } from "@trusted-mcp/http/body-budget";
import type { WebHandler } from "@trusted-mcp/http/web-handler";
import { ServerTelemetry } from "../telemetry/server.ts";
import { frameLimit } from "../wire.ts";
import { clientAddress } from "./client-address.ts";
import { Endpoint } from "./endpoint.ts";
import { counted, guardOf } from "./guard.ts";
import type { InnerHandler } from "./inner.ts";
import { nodeFront } from "./node-front.ts";
import { LoadLimit } from "./load-limit.ts";
import { withOrigins } from "./origins.ts";
import { plainNode, type PlainNode } from "./plain-node.ts";
import { audiencesOf, responderFor, type TrustedServerOptions } from "./options.ts";
import { described, warner } from "./warn.ts";
import { webFront, type RequestOptions } from "./web-front.ts";
import { behindChannel } from "./web-handler.ts";

/** A handler behind the channel, with a web-standard face and a Node one. */
export interface TrustedHandler {
  /** Web-standard face; works behind `toNodeHandler`, Express body parsers and other runtimes (JSON framing). */
  readonly fetch: (request: Request, options?: RequestOptions) => Promise<Response>;
  /** Node face: `http.createServer(trusted(handler, options).node)`; binary framing where the client can. */
  readonly node: (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => Promise<void>;
  /** Open channel sessions; of those that nodes share, the ones that this node has served. */
  readonly sessions: number;
  /** Open streams. */
  readonly streams: number;
  /**
   * Ends every session of an identity key, here at once and then at all nodes; resolves with how many. Take it off
   * the allow list of every node first.
   *
   * @throws ChannelError ERR_STORE when nodes share sessions and their store did not answer: try again.
   */
  revoke(keyId: string): Promise<number>;
  /** Ends all sessions of this process; those that nodes share go on elsewhere. The wrapped handler is not closed. */
  close(): void;
}

/**
 * Puts an existing MCP handler behind a trusted-mcp/1 channel.
 *
 * @example
 * ```ts
 * const handler = createMcpHandler(factory);
 * createServer(trusted(handler, { identity, clients, audience: "https://tools.example/mcp" }).node).listen(8080);
 * ```
 * @throws TrustedSdkError ERR_CONFIGURATION when no audience is given.
 */
export function trusted(handler: WebHandler, options: TrustedServerOptions): TrustedHandler {
  return serveBehind(behindChannel(handler), options, options.mode === "prefer" ? handler : null);
}

/** The general form: any inner handler; `plaintext` serves plain MCP where the mode allows it. */
export function serveBehind(
  inner: InnerHandler,
  options: TrustedServerOptions,
  plaintext: WebHandler | PlainNode | null,
): TrustedHandler {
  const load = new LoadLimit(options.limits);
  const telemetry = new ServerTelemetry(options.telemetry !== false, {
    audience: audiencesOf(options)[0] ?? "",
    sessions: () => responder.sessions.size,
    streams: () => load.streams,
    requests: () => load.requests,
  });
  const responder: Responder = responderFor(options, (event) => telemetry.handshake(event));
  const onerror = counted(telemetry, options.onerror ?? warnOfErrors());
  const guard = guardOf(responder, options, load, telemetry);
  const endpoint = new Endpoint(responder, inner, onerror, guard);
  const maxBodyBytes = Math.max(frameLimit(responder.sessions.maxMessageBytes), guard.maxHandshakeBytes);
  const front = {
    maxBodyBytes,
    bodyTimeoutMs: options.bodyTimeoutMs ?? 30_000,
    budget: new BodyBudget(options.limits?.maxBufferedBytes ?? 268_435_456, maxBodyBytes),
    address: clientAddress(options.trustProxy ?? []),
    onerror,
  };
  const web = plaintext !== null && "fetch" in plaintext ? plaintext : null;
  const node = plaintext !== null && "fetch" in plaintext ? plainNode(plaintext) : plaintext;
  const faces = withOrigins(
    { allowed: options.allowedOrigins ?? [], onerror, plaintext: plaintext !== null },
    {
      fetch: webFront(endpoint, { ...front, plaintext: web }),
      node: nodeFront(endpoint, { ...front, plaintext: node }),
    },
  );
  return {
    fetch: faces.fetch,
    node: faces.node,
    get sessions() {
      return responder.sessions.size;
    },
    get streams() {
      return load.streams;
    },
    revoke: (keyId) => {
      const ended = responder.revoke(keyId);
      // Streams on which nothing is said as well: by themselves they would wait for the next sweep.
      load.sweep();
      return ended;
    },
    close: () => {
      guard.reaper.stop();
      telemetry.close();
      responder.sessions.clear();
    },
  };
}

/** Refused handshakes are told by their own event; here they would be told twice. */
function warnOfErrors(): (error: unknown) => void {
  const warn = warner();
  return (error) => {
    const { code, reason } = described(error);
    warn(code, reason);
  };
}
