import type { Carrier } from "./carrier.ts";

/** An MCP server of SDK v2, as far as it is wrapped here. */
export interface Connectable {
  connect(transport: never): Promise<void>;
}

/** The server, whose every transport from now on says with each message who sent it. */
export function introduced<Server extends Connectable>(server: Server, extra: () => object): Server {
  const connect = server.connect.bind(server) as (transport: unknown) => Promise<void>;
  server.connect = async (transport: Carrier) => {
    await connect(new PeerChannel(transport, extra));
  };
  return server;
}

/** A transport between a server and the one that it was given: adds to what is said about each message. */
class PeerChannel {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: unknown, extra?: unknown) => void) | undefined;
  readonly #inner: Carrier;

  constructor(inner: Carrier, extra: () => object) {
    this.#inner = inner;
    inner.onmessage = (message: unknown, given?: object) =>
      this.onmessage?.(message, { ...given, ...extra() });
    inner.onerror = (error) => this.onerror?.(error);
    inner.onclose = () => this.onclose?.();
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  async start(): Promise<void> {
    await this.#inner.start();
  }

  async send(message: unknown, options?: unknown): Promise<void> {
    const send = this.#inner.send.bind(this.#inner) as (message: unknown, options?: unknown) => Promise<void>;
    await send(message, options);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}
