/** The base of every ratio: the official SDK's server behind its own Node adapter, no security. */
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { listen } from "../listen.mjs";
import { plainCaller } from "../load/plain-caller.mjs";
import { createHandler } from "../mcp-server.mjs";

export async function startServer() {
  return await listen(createServer(toNodeHandler(createHandler())));
}

export async function client({ url }, { era }) {
  return { open: () => plainCaller(url, { era }) };
}

/** The SDK's client as users have it. */
export { sdkClients } from "../plain-sdk-clients.mjs";
