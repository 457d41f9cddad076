import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { AuthInfo } from "@trusted-mcp/http/web-handler";
import type { InnerSocket } from "./inner-socket.ts";
import type { InnerRequest } from "./inner.ts";
import { authInfoOf } from "./auth-info.ts";
import { innerAddress, innerFields } from "./request.ts";

/**
 * An opened request as Node's own message. Everything in it comes from the sealed head and body, but for
 * the host, which is that of the address the client proved to mean, and the length, which is counted.
 *
 * What differs from a message off the wire is set on the object itself: frameworks (Express) change the
 * prototype of the messages they get.
 *
 * @param path - what `request.url` says; null: the path of the address that the client means.
 */
export function innerMessage(inner: InnerRequest, socket: InnerSocket, path: string | null): IncomingMessage {
  const { method, body } = inner;
  const address = innerAddress(inner);
  const message = new IncomingMessage(socket as unknown as Socket);
  message.method = method;
  message.url = path ?? address.path;
  message.httpVersion = "1.1";
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  const raw = ["host", address.host];
  for (const [name, value] of innerFields(inner.headers)) raw.push(name, value);
  if (method === "POST" || body.length > 0) raw.push("content-length", String(body.length));
  giveFields(message, raw);
  giveAuth(message, authInfoOf(inner.session));
  if (body.length > 0) message.push(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  message.push(null);
  message.complete = true;
  return message;
}

/** Fields as Node's parser gives them, so that `headers` follows Node's own rules for repeated names. */
export function giveFields(message: IncomingMessage, raw: string[]): void {
  const parser = message as unknown as { _addHeaderLines(raw: string[], count: number): void };
  parser._addHeaderLines(raw, raw.length);
}

/**
 * `request.auth` is where the MCP SDKs look for the caller. Middleware that verifies an OAuth token sets
 * it: then client id and scopes are the token's, and the channel's peer stays beside them.
 */
function giveAuth(message: IncomingMessage, verified: AuthInfo | undefined): void {
  (message as Known)[CALLER] = { verified, auth: verified };
  Object.defineProperty(message, "auth", AUTH);
}

interface Caller {
  readonly verified: AuthInfo | undefined;
  auth: AuthInfo | undefined;
}

const CALLER = Symbol("caller");
type Known = IncomingMessage & { [CALLER]?: Caller };

/** One for all messages: with functions of their own, V8 would make each a slow object. */
const AUTH: PropertyDescriptor & ThisType<Known> = {
  enumerable: true,
  configurable: false,
  get() {
    return this[CALLER]?.auth;
  },
  set(given: AuthInfo | undefined) {
    const caller = this[CALLER];
    if (caller !== undefined) caller.auth = given && withPeer(given, caller.verified);
  },
};

/** What the token says about a peer of the channel counts for nothing. */
function withPeer(given: AuthInfo, verified: AuthInfo | undefined): AuthInfo {
  const { trustedMcp: _, ...extra } = given.extra ?? {};
  return { ...given, extra: { ...extra, ...verified?.extra } };
}
