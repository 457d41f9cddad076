import { authInfoOf } from "../server/auth-info.ts";
import type { Carrier } from "./carrier.ts";
import type { PipeInfo } from "./client-transport.ts";
import { decodeMessage, encodeMessage } from "./json-messages.ts";
import type { TrustedPipeServerOptions } from "./options.ts";
import { introduced, type Connectable } from "./peer-channel.ts";
import { PipeServer } from "./pipe-server.ts";

/** A server transport of the MCP SDK (v1 or v2) whose lines are sealed. Made by `trustedServerTransport`. */
export class TrustedServerTransport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: unknown, extra?: unknown) => void) | undefined;
  readonly #pipe: PipeServer;
  readonly #inner: Carrier;

  constructor(inner: Carrier, options: TrustedPipeServerOptions) {
    this.#inner = inner;
    this.#pipe = new PipeServer(inner, options);
    this.#pipe.onjson = (json) => this.onmessage?.(decodeMessage(json), this.#extra());
    this.#pipe.onerror = (error) => this.onerror?.(error);
    this.#pipe.onclose = () => this.onclose?.();
  }

  /** Who the client proved to be; null before the handshake is done. */
  get channel(): PipeInfo | null {
    const { session } = this.#pipe;
    return session && { peer: session.peer, session: session.id, appraisal: session.appraisal };
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  /**
   * For `serveStdio(transport.withPeer(factory), { transport })` of SDK v2, which does not hand on what a transport
   * says about a message: servers made so have the verified client in `ctx.http.authInfo`.
   */
  withPeer<Context, Server extends Connectable>(
    factory: (context: Context) => Server | Promise<Server>,
  ): (context: Context) => Promise<Server> {
    return async (context) => introduced(await factory(context), () => this.#extra());
  }

  /**
   * Ends the pipe at once if its client has this identity key; calls under way get no answer. Take the key off the
   * list first. By itself a pipe looks at the list when its session is renewed, after 24 h at the latest.
   *
   * @returns whether it was this pipe's client.
   */
  revoke(keyId: string): boolean {
    return this.#pipe.revoke(keyId);
  }

  async start(): Promise<void> {
    await this.#pipe.start();
  }

  async send(message: unknown): Promise<void> {
    await this.#pipe.send(encodeMessage(message));
  }

  async close(): Promise<void> {
    await this.#pipe.close();
  }

  #extra(): { authInfo?: NonNullable<ReturnType<typeof authInfoOf>> } {
    const { session } = this.#pipe;
    const authInfo = session === null ? undefined : authInfoOf(session);
    return authInfo === undefined ? {} : { authInfo };
  }
}

/** Puts the trusted-mcp/1 channel on a server transport of the MCP SDK, v1 or v2. */
export function trustedServerTransport(
  inner: Carrier,
  options: TrustedPipeServerOptions,
): TrustedServerTransport {
  return new TrustedServerTransport(inner, options);
}
