import { ChannelError } from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import { pauseAbout } from "./busy.ts";
import { GATEWAY } from "./delivery.ts";

/** The server, or someone in between, did not answer a first flight with the channel's own words. */
export class HandshakeRefused extends TrustedSdkError {
  readonly status: number;
  /** The unauthenticated body, at most 64 KiB; to tell plain MCP servers apart in `prefer` mode. */
  readonly body: string;

  constructor(status: number, body: string, cause?: unknown) {
    const message = refusalText(status, body);
    super("ERR_NOT_TRUSTED", message, { action: "fix", cause });
    this.status = status;
    this.body = body;
  }
}

function refusalText(status: number, body: string): string {
  if (status === 422) {
    return "The server refused the handshake. Most often it does not know this address as its own name (its --audience), or it limits this client's rate; the server's log says which";
  }
  const plain = status < 500 && body.includes('"jsonrpc"');
  const what = plain
    ? "a plain JSON-RPC answer: this looks like an MCP server without trusted-mcp"
    : "something else";
  return `The handshake was answered with HTTP ${status} and ${what}. It does not speak trusted-mcp/1 at this address, or somebody in between answered instead${advice(status)}`;
}

/** What it is most often, where `trusted-mcp serve` itself answers so. */
function advice(status: number): string {
  if (status === 404)
    return ". Is the path right? The endpoint of trusted-mcp serve is /mcp, without a slash after it";
  if (status === 403)
    return ". A server on 127.0.0.1 refuses every name that it was not told of: it needs --audience with the URL that clients use";
  return "";
}

/** Pauses before a handshake starts again from its first flight. */
const PAUSES_MS = [150, 600];

/**
 * Runs a handshake, and anew if it failed for a reason that passes: a node that died, a front that lost the
 * server, a store that the nodes could not reach. Nothing of a request has been sent yet, so this is always safe.
 */
export async function untilSettled<T>(handshake: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await handshake();
    } catch (error) {
      if (!passes(error)) throw error;
    }
    await pauseAbout(pauseMs, signal);
  }
  return await handshake();
}

function passes(error: unknown): boolean {
  if (error instanceof HandshakeRefused) return GATEWAY.has(error.status);
  if (error instanceof ChannelError) return error.code === "ERR_REFUSED_BY_PEER" && error.action === "retry";
  return error instanceof TrustedSdkError && error.code === "ERR_OUTCOME_UNKNOWN";
}

/** Whatever broke a handshake: no request has left, and the caller's error must say so. */
export function notSent(error: unknown): unknown {
  if (!(error instanceof TrustedSdkError) || error.code !== "ERR_OUTCOME_UNKNOWN") return error;
  const message = "The connection broke during the handshake; no request was sent";
  return new TrustedSdkError("ERR_UNREACHABLE", message, { action: "retry", cause: error });
}
