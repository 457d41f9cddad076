import { PassThrough, Readable } from "node:stream";
import { type CallToolResult, Client, ProtocolError } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { codeOf } from "../exit-code.ts";
import { LogReader } from "./child.ts";

/** How a call ended: with a result, or with an error that carries one of our codes. */
export type Outcome =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The code of a failure, "" for none. */
export function failure(outcome: Outcome): string {
  return outcome.ok ? "" : outcome.code;
}

/** Code and words of a failure. */
export function words(outcome: Outcome): string {
  return outcome.ok ? "none, it worked" : `${outcome.code}: ${outcome.message}`;
}

/**
 * An MCP host as users have it: the official SDK's client, which starts `trusted-mcp connect …` as its
 * server command and knows nothing of the channel.
 */
export class Host {
  readonly client: Client = new Client({ name: "demo-host", version: "1.0.0" });
  readonly log: LogReader;
  /** Every message between host and `connect`, in clear, in order. */
  readonly said: string[] = [];
  readonly #transport: StdioClientTransport;

  constructor(file: string, args: readonly string[]) {
    this.#transport = new StdioClientTransport({
      command: process.execPath,
      args: [file, "connect", "--log-format", "json", ...args],
      stderr: "pipe",
    });
    const { stderr } = this.#transport;
    this.log = new LogReader(stderr instanceof Readable ? stderr : new PassThrough());
    this.#listenIn();
  }

  /** Starts the command and initializes MCP. */
  async connect(): Promise<Outcome> {
    return settled(async () => {
      await this.client.connect(this.#transport, { timeout: 10_000 });
      return { content: [] };
    });
  }

  async call(name: string, args: Readonly<Record<string, unknown>>): Promise<Outcome> {
    return settled(async () => this.client.callTool({ name, arguments: { ...args } }, { timeout: 10_000 }));
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  #listenIn(): void {
    const transport = this.#transport;
    const send = transport.send.bind(transport);
    transport.send = (message) => {
      this.said.push(JSON.stringify(message));
      return send(message);
    };
    const start = transport.start.bind(transport);
    transport.start = () => {
      const { onmessage } = transport;
      transport.onmessage = (message) => {
        this.said.push(JSON.stringify(message));
        onmessage?.(message);
      };
      return start();
    };
  }
}

export async function settled(work: () => Promise<CallToolResult>): Promise<Outcome> {
  try {
    const result = await work();
    const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
    if (result.isError === true) return { ok: false, code: "TOOL_ERROR", message: text };
    return { ok: true, text };
  } catch (error) {
    const data = error instanceof ProtocolError ? error.data : undefined;
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, code: codeOf(data) ?? codeOf(error) ?? "UNKNOWN", message: withoutPrefix(message) };
  }
}

function withoutPrefix(message: string): string {
  return message.replace(/^(MCP error -?\d+: )?(trusted-mcp: )?/, "");
}
