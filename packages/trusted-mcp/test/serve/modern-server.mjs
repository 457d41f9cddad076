// A stdio server of both eras, made with the official SDK.
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

let [started, aborted] = [0, 0];

serveStdio(() => {
  const server = new McpServer({ name: "modern", version: "1.0.0" }, { capabilities: { logging: {} } });
  server.registerTool("steps", { inputSchema: z.object({ text: z.string() }) }, async ({ text }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= 3 && progressToken !== undefined; progress++) {
      await ctx.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total: 3 },
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { content: [{ type: "text", text }] };
  });
  server.registerTool("hang", { inputSchema: z.object({}) }, async (_input, ctx) => {
    started++;
    await new Promise((resolve) => {
      ctx.mcpReq.signal.addEventListener("abort", resolve, { once: true });
    });
    aborted++;
    return { content: [] };
  });
  server.registerTool("slow", { inputSchema: z.object({}) }, async () => {
    started++;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return { content: [{ type: "text", text: "in time" }] };
  });
  server.registerTool("counts", { inputSchema: z.object({}) }, () => ({
    content: [{ type: "text", text: `${started} started, ${aborted} aborted` }],
  }));
  return server;
});
