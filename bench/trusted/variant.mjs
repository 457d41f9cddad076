/** The load side that the three secured variants share. */
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { openConnection } from "../load/connection.mjs";
import { clientOptions } from "./keys.mjs";
import { openSession, sealedCaller } from "./sealed-caller.mjs";

export async function client({ url }, context) {
  return { open: () => sealedCaller(url, context) };
}

/** The two changed lines of a user: `fetch` of the SDK's transport. */
export async function sdkFetch({ url }, { directory }) {
  const fetch = trustedFetch(await clientOptions(directory, url));
  return { url, fetch, close: () => fetch.close() };
}

/** A session whose connection is closed at once: what stays on the server is the session. */
export async function openIdle({ url }, context) {
  const connection = await openConnection(url);
  await openSession(connection, url, context);
  connection.close();
}
