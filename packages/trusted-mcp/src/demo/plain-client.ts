import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Outcome, settled } from "./host.ts";

/** What a client without any protection gets from a server: one call, in the open. */
export async function plainCall(url: URL, name: string, args: Record<string, unknown>): Promise<Outcome> {
  const client = new Client({ name: "plain-client", version: "1.0.0" });
  const outcome = await settled(async () => {
    await client.connect(new StreamableHTTPClientTransport(url), { timeout: 5000 });
    return client.callTool({ name, arguments: args }, { timeout: 5000 });
  });
  await client.close();
  return outcome;
}
