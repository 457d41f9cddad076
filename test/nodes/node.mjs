// One node of the server: `node.mjs FOLDER PORT REDIS_SOCKET`. Its tool writes a line to FOLDER/runs before it answers.
import { openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { fileSigner, identityFrom, loadPeer, pinnedPeers } from "@trusted-mcp/identity";
import { redisStore } from "@trusted-mcp/redis";
import { trusted } from "@trusted-mcp/sdk/server";
import * as z from "zod";

const [folder, port, socketPath] = process.argv.slice(2);
// O_APPEND: of several processes, each writes whole lines.
const runs = openSync(join(folder, "runs"), "a");

function server() {
  const mcp = new McpServer({ name: "node", version: "1" });
  const inputSchema = z.object({ argument: z.string() });
  mcp.registerTool("run", { description: "Counts that it ran.", inputSchema }, ({ argument }) => {
    writeSync(runs, `${argument}\n`);
    return { content: [{ type: "text", text: `ran ${argument}` }] };
  });
  return mcp;
}

const handler = trusted(createMcpHandler(server), {
  identity: identityFrom(await fileSigner(join(folder, "server.key.pem"))),
  clients: pinnedPeers([await loadPeer(`alice=${join(folder, "alice.pub.pem")}`)]),
  audience: "https://nodes.test/mcp",
  nodes: { store: redisStore({ socketPath }), keys: [readFileSync(join(folder, "store.key"))] },
  // All clients come from nginx's one address.
  handshakeLimit: { burst: 100_000, perSecond: 100_000, totalBurst: 100_000, totalPerSecond: 100_000 },
  onHandshake: () => undefined,
  onerror: () => undefined,
});
createServer((request, response) => void handler.node(request, response)).listen(
  Number(port),
  "127.0.0.1",
  () => console.log("ready"),
);
