// Who this client is, and the only server that it talks to.
import { fileSigner, identityFrom, loadPublicKey, pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";

const identity = identityFrom(await fileSigner("alice.key.pem"));
const server = pinnedServer(await loadPublicKey("server.pub.pem"));

/** For the `fetch` option of the SDK's transport. */
export function fetchFrom(url) {
  return trustedFetch({ url, identity, server });
}
