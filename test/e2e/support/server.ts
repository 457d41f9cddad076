import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { HandshakeEvent } from "@trusted-mcp/channel";
import { pinnedPeers, type PinnedPeers } from "@trusted-mcp/identity";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import {
  trusted,
  TrustedMcpServer,
  type TrustedHandler,
  type TrustedServerOptions,
  type WebHandler,
} from "@trusted-mcp/sdk/server";
import { person, type Person } from "./people.ts";
import { Ledger, registerTools, toolServer } from "./tools.ts";

/** What clients call the server, wherever the attacker makes them connect to. */
export const AUDIENCE = "https://tools.example/mcp";

/**
 * `node`: an existing handler behind our Node adapter, binary framing. `fetch`: behind the SDK's adapter, JSON
 * framing. `lane`: `TrustedMcpServer`, messages straight into the SDK's transport.
 */
export type Kind = "node" | "fetch" | "lane";
export const KINDS: readonly Kind[] = ["node", "fetch", "lane"];

export interface TestServer {
  readonly url: string;
  readonly kind: Kind;
  readonly ledger: Ledger;
  readonly clients: PinnedPeers;
  readonly server: Person;
  readonly alice: Person;
  readonly bob: Person;
  readonly handler: TrustedHandler;
  /** Codes of everything that was refused, records and handshakes. */
  readonly refused: string[];
  readonly handshakes: HandshakeEvent[];
  close(): Promise<void>;
}

export interface TestServerOptions extends Partial<TrustedServerOptions> {
  readonly kind?: Kind;
  readonly server?: Person;
  readonly alice?: Person;
  readonly bob?: Person;
  /** Instead of the SDK's stateless handler. */
  readonly inner?: WebHandler;
  /** Default: any free one. */
  readonly port?: number;
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const {
    kind = "node",
    server = person("tools"),
    alice = person("alice"),
    bob = person("bob"),
    inner,
    port: wanted = 0,
    ...rest
  } = options;
  const ledger = new Ledger();
  const refused: string[] = [];
  const handshakes: HandshakeEvent[] = [];
  const clients = pinnedPeers([
    { name: "alice", key: alice.publicKey },
    { name: "bob", key: bob.publicKey },
  ]);
  const settings: TrustedServerOptions = {
    identity: server.identity,
    clients,
    audience: AUDIENCE,
    // Tests start more handshakes than any honest address does.
    handshakeLimit: { burst: 1_000_000, perSecond: 1_000_000 },
    onHandshake: (event) => {
      handshakes.push(event);
      if (event.outcome === "refused") refused.push(event.code);
    },
    onerror: (error) => void refused.push(error instanceof TrustedMcpError ? error.code : String(error)),
    ...rest,
  };
  const handler = handlerOf(
    kind,
    settings,
    inner ??
      counted(
        createMcpHandler(() => toolServer(ledger)),
        ledger,
      ),
    ledger,
  );
  // The SDK's adapter is typed for frameworks, whose requests always have a method.
  const viaSdk = toNodeHandler(handler) as unknown as TrustedHandler["node"];
  const face = kind === "fetch" ? viaSdk : handler.node;
  const http = createServer((request, response) => void face(request, response));
  await new Promise<void>((resolve) => http.listen(wanted, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    kind,
    ledger,
    clients,
    server,
    alice,
    bob,
    handler,
    refused,
    handshakes,
    close: async () => {
      handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function handlerOf(
  kind: Kind,
  settings: TrustedServerOptions,
  inner: WebHandler,
  ledger: Ledger,
): TrustedHandler {
  if (kind !== "lane") return trusted(inner, settings);
  const { mode: _, ...rest } = settings;
  const mcp = { capabilities: { logging: {} }, instructions: "INSTRUCTIONS-SENTINEL" };
  return registerTools(
    new TrustedMcpServer({ name: "attacked", version: "1.0.0" }, { ...rest, mcp }),
    ledger,
  ).handler(settings.audience);
}

/** Counts what reaches the wrapped handler: "nothing was parsed" means that it was never called. */
function counted(handler: WebHandler, ledger: Ledger): WebHandler {
  return {
    // With all that the SDK's handler has: ours recognises it by that.
    ...handler,
    fetch: (request, options) => {
      ledger.handled += 1;
      return handler.fetch(request, options);
    },
  };
}
