import { PassThrough } from "node:stream";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { createLog } from "../src/log.ts";
import { bridgeStdio, type BridgeOutcome, type StdioBridgeOptions } from "../src/bridge/stdio.ts";

/** A bridge between two streams, and the host's end of them as an MCP transport. */
export interface Piped {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly log: () => string;
  readonly stop: AbortController;
  readonly done: Promise<BridgeOutcome>;
  /** For an SDK client: the stdio server transport with its streams crossed is a client transport. */
  transport(): StdioServerTransport;
}

export function piped(url: string, options: Partial<StdioBridgeOptions> = {}): Piped {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const stop = new AbortController();
  const done = bridgeStdio({
    url: new URL(url),
    fetch,
    stdin,
    stdout,
    log: createLog({ stream: stderr, format: "json", level: "debug" }),
    signal: stop.signal,
    ...options,
  });
  let text = "";
  stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return {
    stdin,
    stdout,
    log: () => text,
    stop,
    done,
    transport: () => new StdioServerTransport(stdout, stdin),
  };
}

/** Speaks raw JSON-RPC over the pipe: every line that came out, and the answer to an id. */
export function rawHost(pipe: Piped): {
  readonly lines: string[];
  send(message: unknown): void;
  answer(id: string | number | null): Promise<Answer>;
} {
  const lines: string[] = [];
  const answers: Answer[] = [];
  let rest = "";
  let wake = (): void => undefined;
  pipe.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line);
      const said = JSON.parse(line) as Answer;
      if (!("method" in said)) answers.push(said);
    }
    wake();
  });
  return {
    lines,
    send: (message) => {
      pipe.stdin.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
    },
    answer: async (id) => {
      for (;;) {
        const found = answers.find((said) => said.id === id);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

export interface Answer {
  readonly id: string | number | null;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: string };
  };
}

export const initialize = (id: number | string, protocolVersion = "2025-11-25"): object => ({
  jsonrpc: "2.0",
  id,
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: { name: "raw", version: "1" } },
});

export const initialized: object = { jsonrpc: "2.0", method: "notifications/initialized" };

/** A request of the modern era, with its envelope. */
export const modern = (id: number | string, method: string, params: object = {}): object => ({
  jsonrpc: "2.0",
  id,
  method,
  params: {
    ...params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
});
