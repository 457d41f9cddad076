import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** The SDK's client with its own transport and its own fetch. */
export function sdkClients({ url }) {
  return { "": async () => ({ transport: new StreamableHTTPClientTransport(new URL(url)) }) };
}
