import { concat, random } from "@trusted-mcp/primitives/bytes";
import { channelWorld, ManualClock, type ChannelWorld } from "@trusted-mcp/testkit";
import {
  initiate,
  MemoryStateStore,
  parseRequestHeader,
  Responder,
  type Exchange,
  type InitiatorExchange,
  type InitiatorOptions,
  type InitiatorSession,
  type Opened,
  type ResponderOptions,
  type StateStore,
} from "@trusted-mcp/channel";
import { content, sent, type Sent } from "./records.ts";

/** Which node a flight goes to: the number of the message in its handshake, from 0. */
export type Route = (flight: number) => number;

export interface Nodes {
  readonly world: ChannelWorld;
  readonly clock: ManualClock;
  readonly store: StateStore;
  readonly key: Uint8Array;
  readonly nodes: readonly Responder[];
  /** Another node of the same server; its own options may differ. */
  readonly add: (options?: Partial<ResponderOptions>) => Responder;
  /** Connects through whatever carries the messages to nodes. */
  readonly through: (exchange: Exchange) => Promise<InitiatorSession>;
  readonly connect: (route?: Route, options?: Partial<InitiatorOptions>) => Promise<InitiatorSession>;
}

/** Several nodes of one server, on one store and one clock. */
export function nodesOf(count: number, options: { store?: (clock: ManualClock) => StateStore } = {}): Nodes {
  const clock = new ManualClock();
  const store = options.store?.(clock) ?? new MemoryStateStore(clock);
  const key = random(32);
  const world = channelWorld({ client: { clock }, server: { clock } });
  const add = (own: Partial<ResponderOptions> = {}): Responder =>
    new Responder({
      audiences: ["https://tools.example/mcp"],
      identity: world.tools,
      clients: world.clients,
      clock,
      sourceLimit: { burst: 1_000_000 },
      retryThreshold: 1_000_000,
      nodes: { store, keys: [key] },
      ...own,
    });
  const nodes = Array.from({ length: count }, () => add());
  const connect = async (route: Route = (flight) => flight, own: Partial<InitiatorOptions> = {}) => {
    let flight = 0;
    return await initiate({ ...world.initiator, ...own }, (message) =>
      nodes[route(flight++) % nodes.length]!.handle(message, "192.0.2.1"),
    );
  };
  const through = (exchange: Exchange) => initiate(world.initiator, exchange);
  return { world, clock, store, key, nodes, add, through, connect };
}

/** Gives a record to a node. */
export async function give(node: Responder, record: Sent): Promise<Opened> {
  const header = parseRequestHeader(record.header);
  return (await node.shared!.open(record.header, header, record.chunks)).opened;
}

/** Seals a message; what goes on the wire. */
export function sealed(client: InitiatorSession, text = "x"): { exchange: InitiatorExchange; record: Sent } {
  const exchange = client.seal(content(text));
  return { exchange, record: sent(exchange) };
}

/** Rekeys over some node. */
export async function rekeyAt(client: InitiatorSession, node: Responder): Promise<void> {
  await client.rekey(async (exchange) => {
    const opened = await give(node, sent(exchange));
    if (opened.kind !== "handled") throw new Error("not a rekey");
    return concat(opened.answer.header, ...opened.reply);
  });
}
