import { utf8 } from "@trusted-mcp/primitives/bytes";
import { STREAM_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { webStream } from "@trusted-mcp/http/web-stream";
import { TrustedSdkError } from "../error.ts";
import { EXTENSION_NAME } from "../wire.ts";
import { infoOf, type ChannelInfo } from "./channel-info.ts";
import { ChannelClient } from "./channel-client.ts";
import { HandshakeRefused } from "./handshake-refused.ts";
import { withCutNotice } from "./cut-notice.ts";
import type { TrustedClientOptions } from "./options.ts";
import { isRepeatable } from "./repeatable.ts";
import type { OpenedAnswer } from "./sealed-answer.ts";

export interface TrustedFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Opens the channel if need be and says who answered. */
  session(): Promise<ChannelInfo>;
  readonly close: () => Promise<void>;
}

/**
 * A `fetch` for the MCP SDK's HTTP transport that seals everything sent to `options.url`.
 *
 * @example
 * ```ts
 * new StreamableHTTPClientTransport(url, { fetch: trustedFetch({ url, identity, server }) });
 * ```
 */
export function trustedFetch(options: TrustedClientOptions): TrustedFetch {
  const endpoint = new URL(options.url).href;
  const client = new ChannelClient(options);
  const plain = options.fetch ?? globalThis.fetch;
  let plaintext = false;

  const call = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const target = input instanceof Request ? input.url : new URL(input).href;
    if (target !== endpoint) {
      if (options.mode !== "prefer" && looksLikeMcp(input, init)) throw otherAddress(target, endpoint);
      return await plain(input, init);
    }
    if (input instanceof Request) {
      throw new TrustedSdkError(
        "ERR_REQUEST_UNSUPPORTED",
        "Pass the endpoint as a URL with init, not as a Request",
        {
          action: "fix",
        },
      );
    }
    if (options.mode === "prefer" && !client.spoken) {
      plaintext ||= await speaksPlainOnly(client);
      // Asked again: while this call waited, another may have found that the server speaks it.
      if (plaintext && !client.spoken) return await plain(input, { ...init, redirect: "error" });
    }
    return await sealedCall(client, init ?? {});
  };

  return Object.assign(call, {
    session: async () => infoOf(await client.session()),
    close: () => client.close(),
  });
}

/**
 * MCP on its way to another address than the sealed one: a transport that was given another URL, by a
 * slash or a host name. OAuth discovery and token requests, which must pass, ask for no event stream and
 * carry no JSON-RPC.
 */
function looksLikeMcp(input: string | URL | Request, init: RequestInit | undefined): boolean {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  if ((headers.get("accept") ?? "").includes(STREAM_MEDIA_TYPE)) return true;
  if (headers.has("mcp-session-id") || headers.has("mcp-method")) return true;
  return typeof init?.body === "string" && init.body.includes('"jsonrpc"');
}

function otherAddress(target: string, endpoint: string): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_PLAINTEXT_REFUSED",
    `MCP would go to ${target} in plaintext: this channel seals what is sent to ${endpoint}. Give the transport and trustedFetch the same URL`,
    { action: "fix" },
  );
}

/**
 * True only when something that is plain MCP answered: a JSON-RPC error to a method it does not know.
 * Refusals of our own kind, redirects, timeouts and server errors are not that (spec §8.4).
 */
async function speaksPlainOnly(client: ChannelClient): Promise<boolean> {
  try {
    await client.session();
    return false;
  } catch (error) {
    if (!(error instanceof HandshakeRefused)) throw error;
    if (client.spoken || error.status === 422 || error.status >= 500 || error.body.includes(EXTENSION_NAME))
      throw error;
    if (!error.body.includes('"jsonrpc"')) throw error;
    return true;
  }
}

async function sealedCall(client: ChannelClient, init: RequestInit): Promise<Response> {
  const method = (init.method ?? "GET").toUpperCase();
  const body = init.body ?? "";
  if (typeof body !== "string") {
    throw new TrustedSdkError(
      "ERR_REQUEST_UNSUPPORTED",
      "Only text bodies can be sealed; MCP sends JSON text",
      { action: "fix" },
    );
  }
  const headers: [string, string][] = [...new Headers(init.headers)];
  const signal = init.signal ?? undefined;
  signal?.throwIfAborted();
  const answer = await client.request({ method, headers }, utf8(body), isRepeatable(method, body), signal);
  return toResponse(answer, body, signal);
}

/** Statuses that the Fetch standard gives no body (§2.2.3). */
const BODYLESS = new Set([204, 205, 304]);

function toResponse(answer: OpenedAnswer, request: string, signal: AbortSignal | undefined): Response {
  const { head, body } = answer;
  const headers = head.headers.map(([name, value]): [string, string] => [name, value]);
  const init = { status: head.status, headers };
  if (body instanceof Uint8Array) {
    const empty = body.length === 0 || BODYLESS.has(head.status);
    return new Response(empty ? null : (body as Uint8Array<ArrayBuffer>), init);
  }
  if (BODYLESS.has(head.status)) {
    // The platform's Response throws for a body here; what the server streams in spite of that is not read.
    answer.cancel();
    return new Response(null, init);
  }
  return new Response(
    webStream(
      withCutNotice(body, request),
      (error) => (signal?.aborted === true ? signal.reason : error),
      answer.cancel,
    ),
    init,
  );
}
