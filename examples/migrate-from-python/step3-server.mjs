/** Step 3: trusted-mcp/1 in place of AICC/0.1. The server now knows who calls. */
import { createServer } from "node:http";
import { fileSigner, identityFrom, loadPeer, pinnedPeers } from "@trusted-mcp/identity";
import { trusted } from "@trusted-mcp/sdk/server";
import { weather } from "./weather.mjs";

const port = Number(process.env.PORT ?? 8000);
const { node } = trusted(weather, {
  audience: `http://127.0.0.1:${port}/mcp`,
  identity: identityFrom(await fileSigner("./server.key.pem")),
  clients: pinnedPeers([await loadPeer("alice=./alice.pub.pem")]),
});
createServer(node).listen(port, "127.0.0.1");
