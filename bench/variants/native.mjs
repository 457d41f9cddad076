/** `TrustedMcpServer`: opened messages go straight to the MCP server, past the web Request and Response. */
import { createServer } from "node:http";
import { TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { listen } from "../listen.mjs";
import { registerTools } from "../mcp-server.mjs";
import { AUDIENCE, serverOptions } from "../trusted/keys.mjs";

export { client, openIdle, sdkClients } from "../trusted/variant.mjs";

/** What its own `listen` does, on a server whose keep-alive time can be set. */
export async function startServer({ directory }) {
  const server = new TrustedMcpServer({ name: "bench", version: "1" }, await serverOptions(directory));
  registerTools(server);
  const { node } = server.handler(AUDIENCE);
  return await listen(createServer((request, response) => void node(request, response)));
}
