/** SDK v1's own client, alone and in the two ways onto the channel. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { trustedFetch, trustedTransport } from "@trusted-mcp/sdk/client";
import { clientOptions } from "./trusted/keys.mjs";

export function plainClientsV1({ url }) {
  return { "": async () => ({ Client, transport: new StreamableHTTPClientTransport(new URL(url)) }) };
}

export function trustedClientsV1({ url }, { directory }) {
  return {
    "": async () => {
      const fetch = trustedFetch(await clientOptions(directory, url));
      const transport = new StreamableHTTPClientTransport(new URL(url), { fetch });
      return { Client, transport, close: () => fetch.close() };
    },
    ", own transport": async () => ({
      Client,
      transport: trustedTransport(await clientOptions(directory, url)),
    }),
  };
}
