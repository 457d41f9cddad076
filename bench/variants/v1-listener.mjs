/** SDK v1's Node listener, as it is, in `trustedListener(...)`: it gets Node requests made of what was sealed. */
import { createServer } from "node:http";
import { trustedListener } from "@trusted-mcp/sdk/server";
import { listen } from "../listen.mjs";
import { listenerV1 } from "../mcp-server-v1.mjs";
import { trustedClientsV1 } from "../sdk-clients-v1.mjs";
import { serverOptions } from "../trusted/keys.mjs";

export { client, openIdle } from "../trusted/variant.mjs";

export async function startServer({ directory }) {
  const { node } = trustedListener(listenerV1, await serverOptions(directory));
  return await listen(createServer((request, response) => void node(request, response)));
}

export const sdkClients = trustedClientsV1;
