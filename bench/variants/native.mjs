/** `TrustedMcpServer`: opened messages go straight to the MCP server, past the web Request and Response. */
import { TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { registerTools } from "../mcp-server.mjs";
import { serverOptions } from "../trusted/keys.mjs";

export { client, openIdle, sdkFetch } from "../trusted/variant.mjs";

export async function startServer({ directory }) {
  const server = new TrustedMcpServer({ name: "bench", version: "1" }, await serverOptions(directory));
  registerTools(server);
  const listening = await server.listen();
  return { url: listening.url, close: () => listening.close() };
}
