import { PassThrough } from "node:stream";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { Client } from "@modelcontextprotocol/client";
import { StdioServerTransport as StdioServerTransportV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import {
  trustedServerTransport,
  trustedClientTransport,
  type TrustedClientTransport,
  type TrustedPipeClientOptions,
  type TrustedPipeServerOptions,
  type TrustedServerTransport,
} from "@trusted-mcp/sdk/stdio";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { person, type Person } from "./people.ts";
import { Ledger, toolServer } from "./tools.ts";

export type Direction = "up" | "down";
/** Given each line that somebody sends: what comes out at the other side instead. */
export type LineAttack = (line: string, direction: Direction, at: number) => readonly string[] | undefined;

/** Two pipes, and whoever sits on them. Lines can also be put in by hand. */
export class Wire {
  readonly lines: { readonly direction: Direction; readonly line: string }[] = [];
  readonly #attack: LineAttack | undefined;
  readonly #ends = {
    up: { from: new PassThrough(), to: new PassThrough() },
    down: { from: new PassThrough(), to: new PassThrough() },
  };

  constructor(attack?: LineAttack) {
    this.#attack = attack;
    for (const direction of ["up", "down"] as const) this.#follow(direction);
  }

  /** What each end reads from and writes to. */
  get client(): { readonly input: PassThrough; readonly output: PassThrough } {
    return { input: this.#ends.down.to, output: this.#ends.up.from };
  }

  get server(): { readonly input: PassThrough; readonly output: PassThrough } {
    return { input: this.#ends.up.to, output: this.#ends.down.from };
  }

  inject(direction: Direction, line: string): void {
    this.#ends[direction].to.write(`${line}\n`);
  }

  /** The pipe ends in both directions, as when the process at one end is gone. */
  cut(): void {
    for (const direction of ["up", "down"] as const) this.#ends[direction].to.end();
  }

  of(direction: Direction): string[] {
    return this.lines.filter((entry) => entry.direction === direction).map(({ line }) => line);
  }

  #follow(direction: Direction): void {
    const { from, to } = this.#ends[direction];
    let rest = "";
    let at = 0;
    from.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        this.lines.push({ direction, line });
        const out = this.#attack?.(line, direction, at++) ?? [line];
        for (const each of out) if (!to.writableEnded) to.write(`${each}\n`);
      }
    });
    from.on("end", () => to.end());
  }
}

export interface PipeWorld {
  readonly wire: Wire;
  readonly ledger: Ledger;
  readonly clientEnd: TrustedClientTransport;
  readonly serverEnd: TrustedServerTransport;
  /** Codes of what went wrong, as each end saw it. */
  readonly errors: { readonly client: string[]; readonly server: string[] };
  readonly closed: { client: boolean; server: boolean };
  readonly alice: Person;
  readonly tools: Person;
}

export interface PipeWorldOptions {
  readonly attack?: LineAttack;
  readonly client?: Partial<TrustedPipeClientOptions>;
  readonly server?: Partial<TrustedPipeServerOptions>;
  readonly alice?: Person;
  readonly tools?: Person;
  /** Which SDK's transports carry the lines. */
  readonly carrier?: "v1" | "v2";
}

export const PIPE_AUDIENCE = "stdio:attacked";

/** Both ends of a pipe in this process, nothing started yet. */
export function pipeWorld(options: PipeWorldOptions = {}): PipeWorld {
  const { alice = person("alice"), tools = person("tools") } = options;
  const wire = new Wire(options.attack);
  const errors = { client: [] as string[], server: [] as string[] };
  const closed = { client: false, server: false };
  const Carrier = options.carrier === "v1" ? StdioServerTransportV1 : StdioServerTransport;
  const carrier = ({ input, output }: Wire["client"]) => {
    const inner = new Carrier(input, output);
    // As with a process: who closes is gone, and who is gone closes its pipes.
    const close = inner.close.bind(inner);
    inner.close = async () => {
      await close();
      output.end();
    };
    input.once("end", () => void inner.close());
    return inner;
  };
  const clientEnd = trustedClientTransport(carrier(wire.client), {
    identity: alice.identity,
    server: pinnedServer(tools.publicKey, "tools"),
    audience: PIPE_AUDIENCE,
    ...options.client,
  });
  const serverEnd = trustedServerTransport(carrier(wire.server), {
    identity: tools.identity,
    clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
    audience: PIPE_AUDIENCE,
    ...options.server,
  });
  clientEnd.onerror = (error) => void errors.client.push(codeOf(error));
  serverEnd.onerror = (error) => void errors.server.push(codeOf(error));
  clientEnd.onclose = () => void (closed.client = true);
  serverEnd.onclose = () => void (closed.server = true);
  return { wire, ledger: new Ledger(), clientEnd, serverEnd, errors, closed, alice, tools };
}

export function codeOf(error: unknown): string {
  return error instanceof TrustedMcpError ? error.code : String(error);
}

/** The real MCP server and client over it. */
export async function connected(world: PipeWorld): Promise<Client> {
  await toolServer(world.ledger).connect(world.serverEnd);
  const client = new Client({ name: "pipe-client", version: "1.0.0" });
  await client.connect(world.clientEnd);
  return client;
}

export async function mark(client: Client, nonce: string): Promise<unknown> {
  return await client.callTool({ name: "mark", arguments: { nonce } });
}
