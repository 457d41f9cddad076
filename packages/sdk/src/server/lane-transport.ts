import {
  PerRequestHTTPServerTransport,
  type JSONRPCMessage,
  type MessageClassification,
  type MessageExtraInfo,
  type Transport,
  type TransportSendOptions,
} from "@modelcontextprotocol/server";

/** Where an `McpServer`'s messages go. */
export type Deliver = (message: JSONRPCMessage, options?: TransportSendOptions) => Promise<void>;

/** The SDK's side of a lane; without classification it serves the legacy era. */
export function laneTransport(
  deliver: Deliver,
  classification: MessageClassification | undefined,
): Transport {
  return classification === undefined
    ? new LegacyTransport(deliver)
    : new ModernTransport(deliver, classification);
}

class LegacyTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;
  readonly #deliver: Deliver;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#deliver(message, options);
  }

  close(): Promise<void> {
    this.onclose?.();
    return Promise.resolve();
  }
}

/** The SDK binds a server to a modern revision by this class of transport, and by no other way. */
class ModernTransport extends PerRequestHTTPServerTransport {
  readonly #deliver: Deliver;

  constructor(deliver: Deliver, classification: MessageClassification) {
    super({ classification });
    this.#deliver = deliver;
  }

  override start(): Promise<void> {
    return Promise.resolve();
  }

  override send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#deliver(message, options);
  }

  override close(): Promise<void> {
    this.onclose?.();
    return Promise.resolve();
  }
}
