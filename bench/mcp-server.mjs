/** The MCP server that every variant serves, with the official SDK. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { text } from "./workloads.mjs";

const ECHO = z.object({ text: z.string() });
const MAKE = z.object({
  bytes: z
    .number()
    .int()
    .min(0)
    .max(4 << 20),
});
const prepared = new Map();

function preparedText(bytes) {
  let value = prepared.get(bytes);
  if (value === undefined) prepared.set(bytes, (value = text(bytes)));
  return value;
}

/** Same tools, same order, on any class with the SDK's `registerTool`. */
export function registerTools(server) {
  server.registerTool("echo", { description: "Returns its text.", inputSchema: ECHO }, async (input) => ({
    content: [{ type: "text", text: input.text }],
  }));
  server.registerTool(
    "make",
    { description: "Returns text of a size.", inputSchema: MAKE },
    async (input) => ({
      content: [{ type: "text", text: preparedText(input.bytes) }],
    }),
  );
  return server;
}

export function createServer() {
  return registerTools(new McpServer({ name: "bench", version: "1" }));
}

export function createHandler() {
  return createMcpHandler(createServer);
}
