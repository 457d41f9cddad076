/** SDK v1's web-standard transport in `trusted(...)`, with our Node adapter: binary framing. */
import { createServer } from "node:http";
import { trusted } from "@trusted-mcp/sdk/server";
import { listen } from "../listen.mjs";
import { handlerV1 } from "../mcp-server-v1.mjs";
import { trustedClientsV1 } from "../sdk-clients-v1.mjs";
import { serverOptions } from "../trusted/keys.mjs";

export { client, openIdle } from "../trusted/variant.mjs";

export async function startServer({ directory }) {
  const { node } = trusted(handlerV1, await serverOptions(directory));
  return await listen(createServer((request, response) => void node(request, response)));
}

export const sdkClients = trustedClientsV1;
