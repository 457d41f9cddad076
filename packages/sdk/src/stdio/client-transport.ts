import type { AppraisalResult, Peer } from "@trusted-mcp/channel";
import type { Carrier } from "./carrier.ts";
import { decodeMessage, encodeMessage } from "./json-messages.ts";
import type { TrustedPipeClientOptions } from "./options.ts";
import { PipeClient } from "./pipe-client.ts";

/** Who is at the other end of a trusted pipe. */
export interface PipeInfo {
  /** Null: an anonymous client. */
  readonly peer: Peer | null;
  /** The channel session in use now; a long-lived pipe has several. */
  readonly session: string;
  readonly appraisal: AppraisalResult | null;
}

/** A client transport of the MCP SDK (v1 or v2) whose lines are sealed. Made by `trustedClientTransport`. */
export class TrustedClientTransport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: unknown, extra?: unknown) => void) | undefined;
  readonly #pipe: PipeClient;
  readonly #inner: Carrier;

  constructor(inner: Carrier, options: TrustedPipeClientOptions) {
    this.#inner = inner;
    this.#pipe = new PipeClient(inner, options);
    this.#pipe.onjson = (json) => this.onmessage?.(decodeMessage(json));
    this.#pipe.onerror = (error) => this.onerror?.(error);
    this.#pipe.onclose = () => this.onclose?.();
  }

  /** Who the server proved to be; null before `start` is done. */
  get channel(): PipeInfo | null {
    const { session } = this.#pipe;
    return session && { peer: session.peer, session: session.id, appraisal: session.appraisal };
  }

  /**
   * By `stderr` and `pid` SDK v2 knows that there is a process behind and not HTTP: a server that does not answer its
   * question for the era is then an old one, not a broken one.
   */
  get stderr(): unknown {
    return "stderr" in this.#inner ? this.#inner.stderr : null;
  }

  get pid(): number | null {
    return "pid" in this.#inner && typeof this.#inner.pid === "number" ? this.#inner.pid : null;
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  /** Starts the carrier and runs the handshake. @throws the channel's refusal; no MCP message was sent. */
  async start(): Promise<void> {
    await this.#pipe.start();
  }

  async send(message: unknown): Promise<void> {
    await this.#pipe.send(encodeMessage(message));
  }

  async close(): Promise<void> {
    await this.#pipe.close();
  }
}
