/** The same two tools with SDK v1, served as its documentation has it: a server and a transport for each request. */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { registerTools } from "./mcp-server.mjs";

async function connected(transport) {
  await registerTools(new McpServer({ name: "bench", version: "1" })).connect(transport);
  return transport;
}

/** For `node:http`. */
export async function listenerV1(request, response) {
  const transport = await connected(new StreamableHTTPServerTransport({}));
  response.once("close", () => void transport.close());
  await transport.handleRequest(request, response);
}

/** For everything web-standard. */
export const handlerV1 = {
  async fetch(request, options) {
    const transport = await connected(new WebStandardStreamableHTTPServerTransport({}));
    return await transport.handleRequest(request, options);
  },
};
