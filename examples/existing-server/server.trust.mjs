// Who this server is, and who may call it.
import { serverKeys, trusted } from "@trusted-mcp/sdk/server";

const keys = await serverKeys({ key: "server.key.pem", allow: ["alice.pub.pem"] });

/** In the place of the SDK's `toNodeHandler`; `url` is the address that clients use. */
export function toTrustedHandler(handler, url) {
  return trusted(handler, { ...keys, audience: url.href }).node;
}
