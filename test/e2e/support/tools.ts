import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/** What really happened behind the channel: a test that says "did not run" looks here. */
export class Ledger {
  readonly #runs = new Map<string, number>();
  readonly cancelled: string[] = [];
  /** Requests that the wrapped handler was given, of whatever kind. */
  handled = 0;

  mark(nonce: string): void {
    this.#runs.set(nonce, this.runs(nonce) + 1);
  }

  runs(nonce: string): number {
    return this.#runs.get(nonce) ?? 0;
  }

  get total(): number {
    let total = 0;
    for (const runs of this.#runs.values()) total += runs;
    return total;
  }

  /** How often the busiest call ran: more than one would be a repeated call. */
  get most(): number {
    return Math.max(0, ...this.#runs.values());
  }
}

interface Registers {
  readonly registerTool: McpServer["registerTool"];
  readonly registerPrompt: McpServer["registerPrompt"];
}

const text = (value: string): { content: { type: "text"; text: string }[] } => ({
  content: [{ type: "text", text: value }],
});

/** The tools of every test server, on the SDK's class and on ours alike. */
export function registerTools<T extends Registers>(server: T, ledger: Ledger): T {
  const nonce = z.object({ nonce: z.string() });
  server.registerTool("mark", { description: "Leaves a mark.", inputSchema: nonce }, (input) => {
    ledger.mark(input.nonce);
    return text(`marked ${input.nonce}`);
  });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (input) => text(input.text));
  server.registerTool(
    "steps",
    {
      description: "Reports progress, then answers.",
      inputSchema: z.object({ nonce: z.string(), steps: z.number(), pauseMs: z.number(), bytes: z.number() }),
    },
    async (input, ctx) => {
      ledger.mark(input.nonce);
      const progressToken = ctx.mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= input.steps; progress += 1) {
        await new Promise((resolve) => setTimeout(resolve, input.pauseMs));
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: input.steps, message: `step ${progress}` };
        await ctx.mcpReq.notify({ method: "notifications/progress", params });
      }
      return text("x".repeat(input.bytes));
    },
  );
  server.registerTool("make", { inputSchema: z.object({ bytes: z.number() }) }, (input) =>
    text("m".repeat(input.bytes)),
  );
  server.registerTool("whoami", {}, (ctx) => text(JSON.stringify(ctx.http?.authInfo ?? null)));
  server.registerTool("fails", {}, () => ({ ...text("it is broken"), isError: true }));
  server.registerTool("throws", {}, () => {
    throw new Error("thrown inside");
  });
  server.registerTool("waits", { inputSchema: nonce }, async (input, ctx) => {
    ledger.mark(input.nonce);
    const { signal } = ctx.mcpReq;
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    ledger.cancelled.push(input.nonce);
    return text("stopped");
  });
  server.registerTool("logs", {}, async (ctx) => {
    // Deprecated since 2026-07-28, and still what legacy clients show.
    await ctx.mcpReq.log("warning", "a line of the log");
    return text("logged");
  });
  server.registerPrompt("greet", { description: "A greeting." }, () => ({
    messages: [{ role: "user", content: { type: "text", text: "hello" } }],
  }));
  return server;
}

export function toolServer(ledger: Ledger): McpServer {
  const server = new McpServer(
    { name: "attacked", version: "1.0.0" },
    { capabilities: { logging: {} }, instructions: "INSTRUCTIONS-SENTINEL" },
  );
  return registerTools(server, ledger);
}
