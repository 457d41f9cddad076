import { JSON_MEDIA_TYPE } from "@trusted-mcp/http/media-type";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { AiccError } from "../error.ts";
import { isFields } from "../wire/capability.ts";
import { encodeRequest } from "../wire/envelope.ts";
import { ExchangeKey } from "../wire/exchange.ts";
import { SEALED_HEADER } from "../wire/http.ts";
import { wrapKey } from "../wire/rsa.ts";
import { openAnswer } from "./answer.ts";
import { HttpSender } from "./http.ts";
import type { AiccClientOptions } from "./options.ts";
import { plainInitialize } from "./plain-initialize.ts";

export interface AiccFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Closes idle connections and stops watching the key file. */
  close(): void;
}

/**
 * A `fetch` for the MCP SDK's HTTP transport that talks to servers of the existing Python SDK. Every
 * request to `options.url` is sealed to the pinned key; an answer in clear is never taken for one.
 *
 * @example
 * ```ts
 * const serverKey = await serverKeyFromFile("./myPublicKey.pem");
 * new StreamableHTTPClientTransport(url, { fetch: aiccFetch({ url, serverKey }) });
 * ```
 */
export function aiccFetch(options: AiccClientOptions): AiccFetch {
  const url = new URL(options.url);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new AiccError(
      "ERR_REQUEST_UNSUPPORTED",
      `The endpoint must be an http or https URL, not ${url.protocol}`,
      {
        action: "fix",
      },
    );
  }
  const sender = new HttpSender(url, options.tls);
  const other = options.fetch ?? globalThis.fetch;

  const call = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const target = input instanceof Request ? input.url : new URL(input).href;
    if (target !== url.href) return await other(input, init);
    if (input instanceof Request) throw unsupported("Pass the endpoint as a URL with init, not as a Request");
    const method = (init?.method ?? "GET").toUpperCase();
    const body = init?.body ?? "";
    if (typeof body !== "string") throw unsupported("Only text bodies can be sealed; MCP sends JSON text");
    const signal = init?.signal ?? undefined;
    signal?.throwIfAborted();
    const headers = Object.fromEntries(new Headers(init?.headers));
    const message = parse(body);
    if (options.initialize === "plain" && isFields(message) && message["method"] === "initialize")
      return await plainInitialize(sender, message, headers, signal);
    return await sealedCall(options, sender, { method, headers, body, message }, signal);
  };
  return Object.assign(call, {
    close: () => {
      sender.close();
      options.serverKey.close();
    },
  });
}

interface Call {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly message: unknown;
}

async function sealedCall(
  options: AiccClientOptions,
  sender: HttpSender,
  call: Call,
  signal?: AbortSignal,
): Promise<Response> {
  const { exchange, bytes } = ExchangeKey.fresh();
  const key = wrapKey(options.serverKey.current(), bytes);
  const sealed = utf8(encodeRequest({ ...exchange.seal(utf8(call.body)), key }));
  const onWire = options.onWire ?? (() => undefined);
  onWire("sent", JSON_MEDIA_TYPE, sealed);
  const headers = { ...call.headers, "content-type": JSON_MEDIA_TYPE, [SEALED_HEADER]: "1" };
  const answer = await sender.send(call.method, headers, sealed, signal);
  const sent = { method: call.method, expectsContent: expectsContent(call.message) };
  const limit = options.maxResponseBytes ?? 67_108_864;
  return await openAnswer(answer, exchange, sent, limit, (type, body) => onWire("received", type, body));
}

/** A JSON-RPC request, alone or in a batch, is answered with content; notifications and answers are not. */
function expectsContent(message: unknown): boolean {
  if (Array.isArray(message)) return message.some(expectsContent);
  return isFields(message) && "method" in message && "id" in message;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function unsupported(message: string): AiccError {
  return new AiccError("ERR_REQUEST_UNSUPPORTED", message, { action: "fix" });
}
