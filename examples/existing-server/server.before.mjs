// An MCP server, as the official SDK's documentation writes it.
import { createServer } from "node:http";
import process from "node:process";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";

const url = new URL(process.env.MCP_URL ?? "http://127.0.0.1:8080/mcp");

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "adder", version: "1.0.0" });
  server.registerTool(
    "add",
    { description: "Adds two numbers", inputSchema: z.object({ a: z.number(), b: z.number() }) },
    async ({ a, b }, ctx) => {
      const caller = ctx.http?.authInfo?.clientId ?? "somebody";
      return { content: [{ type: "text", text: `${caller}: ${a} + ${b} = ${a + b}` }] };
    },
  );
  return server;
});

createServer(toNodeHandler(handler)).listen(url.port, url.hostname, () => {
  console.error(`The server listens at ${url}`);
});
