// A trusted server on the web-standard face, in whatever runtime starts this file: Bun, Deno, or Node as the control.
// Arguments: key file of the server, public key file of the client, its audience. Says who listens on which port.
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { fileSigner, identityFrom, loadPeer, pinnedPeers } from "@trusted-mcp/identity";
import { trusted } from "@trusted-mcp/sdk/server";
import { z } from "zod";

const [keyFile, clientFile, audience] = process.argv.slice(2);
const text = (value) => ({ content: [{ type: "text", text: value }] });

function tools() {
  const server = new McpServer({ name: "elsewhere", version: "1.0.0" });
  server.registerTool("whoami", {}, (ctx) => text(ctx.http?.authInfo?.clientId ?? ""));
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (given) => text(given.text));
  server.registerTool("make", { inputSchema: z.object({ bytes: z.number() }) }, ({ bytes }) =>
    text("m".repeat(bytes)),
  );
  server.registerTool("steps", { inputSchema: z.object({ steps: z.number() }) }, async ({ steps }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= steps; progress += 1)
      await ctx.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total: steps },
      });
    return text("done");
  });
  return server;
}

const channel = trusted(createMcpHandler(tools), {
  identity: identityFrom(await fileSigner(keyFile)),
  clients: pinnedPeers([await loadPeer(`client=${clientFile}`)]),
  audience,
});

/** Listens in the runtime's own way. */
async function listen(fetch) {
  const hostname = "127.0.0.1";
  if ("Bun" in globalThis) return globalThis.Bun.serve({ port: 0, hostname, fetch, idleTimeout: 0 }).port;
  if ("Deno" in globalThis) {
    const { promise, resolve } = Promise.withResolvers();
    globalThis.Deno.serve({ port: 0, hostname, onListen: ({ port }) => resolve(port) }, (request) =>
      fetch(request),
    );
    return await promise;
  }
  const { createServer } = await import("node:http");
  const { toNodeHandler } = await import("@modelcontextprotocol/node");
  const http = createServer(toNodeHandler({ fetch }));
  return await new Promise((resolve) => http.listen(0, hostname, () => resolve(http.address().port)));
}

const runtime = ["Bun", "Deno"].find((name) => name in globalThis) ?? "Node";
console.log(`${runtime} listens on ${await listen((request) => channel.fetch(request))}`);
