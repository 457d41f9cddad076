// A stdio server whose tool writes a line to a file before it answers: `counting-server.mjs FILE`.
import { openSync, writeSync } from "node:fs";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import * as z from "zod";

const runs = openSync(process.argv[2], "a");

serveStdio(() => {
  const server = new McpServer({ name: "counting", version: "1" });
  const inputSchema = z.object({ argument: z.string() });
  server.registerTool("run", { description: "Counts that it ran.", inputSchema }, async ({ argument }) => {
    writeSync(runs, `${argument} ${process.ppid}\n`);
    // Long enough that a node can be killed between the two.
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { content: [{ type: "text", text: `ran ${argument}` }] };
  });
  return server;
});
