/** An existing handler behind `trusted(...)`, with our Node adapter: binary framing. */
import { createServer } from "node:http";
import { trusted } from "@trusted-mcp/sdk/server";
import { listen } from "../listen.mjs";
import { createHandler } from "../mcp-server.mjs";
import { serverOptions } from "../trusted/keys.mjs";

export { client, openIdle, sdkClients } from "../trusted/variant.mjs";

export async function startServer({ directory }) {
  const { node } = trusted(createHandler(), await serverOptions(directory));
  return await listen(createServer((request, response) => void node(request, response)));
}
