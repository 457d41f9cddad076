/** The service itself: the same in steps 2 and 3. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

export const weather = createMcpHandler(() => {
  const server = new McpServer({ name: "weather", version: "1.0.0" });
  server.registerTool("forecast", { inputSchema: z.object({ city: z.string() }) }, async ({ city }) => ({
    content: [{ type: "text", text: `${city}: sunny, 24 °C` }],
  }));
  return server;
});
