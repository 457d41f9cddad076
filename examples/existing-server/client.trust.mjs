// Who this client is, and the only server that it talks to.
import { clientKeys, trustedFetch } from "@trusted-mcp/sdk/client";

const keys = await clientKeys({ key: "alice.key.pem", server: "server.pub.pem" });

/** For the `fetch` option of the SDK's transport. */
export function fetchFrom(url) {
  return trustedFetch({ url, ...keys });
}
