/** The same wrapper's web-standard face behind the SDK's own Node adapter, which is text only: JSON framing. */
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { trusted } from "@trusted-mcp/sdk/server";
import { listen } from "../listen.mjs";
import { createHandler } from "../mcp-server.mjs";
import { serverOptions } from "../trusted/keys.mjs";

export { client, openIdle, sdkClients } from "../trusted/variant.mjs";

export async function startServer({ directory }) {
  return await listen(createServer(toNodeHandler(trusted(createHandler(), await serverOptions(directory)))));
}
