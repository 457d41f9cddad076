// Who this server is, and who may call it.
import { fileSigner, identityFrom, loadPeer, pinnedPeers } from "@trusted-mcp/identity";
import { trusted } from "@trusted-mcp/sdk/server";

const identity = identityFrom(await fileSigner("server.key.pem"));
const clients = pinnedPeers([await loadPeer("alice.pub.pem")]);

/** In the place of the SDK's `toNodeHandler`; `url` is the address that clients use. */
export function toTrustedHandler(handler, url) {
  return trusted(handler, { identity, clients, audience: url.href }).node;
}
