import {
  initiate,
  Responder,
  type HandshakeEvent,
  type InitiatorOptions,
  type InitiatorSession,
  type ResponderOptions,
  type ResponderSession,
} from "@trusted-mcp/channel";
import { ManualClock } from "./manual-clock.ts";
import { memoryPipe, type Attacker, type WireMessage } from "./memory-pipe.ts";
import { testIdentity, testVerifier, type TestIdentity, type TestVerifier } from "./test-identity.ts";

export const TEST_AUDIENCE = "https://tools.example/mcp";

export interface Connected {
  readonly client: InitiatorSession;
  readonly server: ResponderSession;
  /** Every handshake message, as sent. */
  readonly wire: readonly WireMessage[];
}

/** A server, a client that each other know, and the line between them. */
export interface ChannelWorld {
  readonly alice: TestIdentity;
  readonly tools: TestIdentity;
  readonly clients: TestVerifier;
  readonly servers: TestVerifier;
  readonly clock: ManualClock;
  readonly responder: Responder;
  readonly initiator: InitiatorOptions;
  /** How handshakes ended at the server. */
  readonly events: readonly HandshakeEvent[];
  connect(attacker?: Attacker, options?: Partial<InitiatorOptions>): Promise<Connected>;
}

export interface ChannelWorldOptions {
  readonly alice?: TestIdentity;
  readonly tools?: TestIdentity;
  readonly server?: Partial<ResponderOptions>;
  readonly client?: Partial<InitiatorOptions>;
}

export function channelWorld(options: ChannelWorldOptions = {}): ChannelWorld {
  const alice = options.alice ?? testIdentity("alice");
  const tools = options.tools ?? testIdentity("tools");
  const clients = testVerifier(alice);
  const servers = testVerifier(tools);
  const clock = new ManualClock();
  const events: HandshakeEvent[] = [];
  const responder = new Responder({
    audiences: [TEST_AUDIENCE],
    identity: tools,
    clients,
    clock,
    // Tests send thousands of flights in no time.
    sourceLimit: { burst: 1_000_000 },
    retryThreshold: 1_000_000,
    onHandshake: (event) => void events.push(event),
    ...options.server,
  });
  const initiator: InitiatorOptions = {
    audience: TEST_AUDIENCE,
    identity: alice,
    verifier: servers,
    clock,
    ...options.client,
  };
  const connect = async (
    attacker?: Attacker,
    overrides: Partial<InitiatorOptions> = {},
  ): Promise<Connected> => {
    const pipe = memoryPipe(responder, attacker);
    const client = await initiate({ ...initiator, ...overrides }, pipe.exchange);
    return { client, server: responder.sessions.get(client.id), wire: pipe.sent };
  };
  return { alice, tools, clients, servers, clock, responder, initiator, events, connect };
}
