/** SDK v1, no security: the base of the ratios of `v1-wrapped` and `v1-listener`. */
import { createServer } from "node:http";
import { listen } from "../listen.mjs";
import { plainCaller } from "../load/plain-caller.mjs";
import { listenerV1 } from "../mcp-server-v1.mjs";
import { plainClientsV1 } from "../sdk-clients-v1.mjs";

export async function startServer() {
  return await listen(createServer((request, response) => void listenerV1(request, response)));
}

export async function client({ url }, { era }) {
  return { open: () => plainCaller(url, { era }) };
}

export const sdkClients = plainClientsV1;
