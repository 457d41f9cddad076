/** The load side that the three secured variants share. */
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { trustedFetch, trustedTransport } from "@trusted-mcp/sdk/client";
import { openConnection } from "../load/connection.mjs";
import { clientOptions } from "./keys.mjs";
import { openSession, sealedCaller } from "./sealed-caller.mjs";

export async function client({ url }, context) {
  return { open: () => sealedCaller(url, context) };
}

/** The two ways of a user: `fetch` of the SDK's own transport, or our transport in its place. */
export function sdkClients({ url }, { directory }) {
  return {
    "": async () => {
      const fetch = trustedFetch(await clientOptions(directory, url));
      const transport = new StreamableHTTPClientTransport(new URL(url), { fetch });
      return { transport, close: () => fetch.close() };
    },
    ", own transport": async () => ({ transport: trustedTransport(await clientOptions(directory, url)) }),
  };
}

/** A session whose connection is closed at once: what stays on the server is the session. */
export async function openIdle({ url }, context) {
  const connection = await openConnection(url);
  await openSession(connection, url, context);
  connection.close();
}
