/** Our servers, with the same tools as server.py: SDK v2's stateless handler, and SDK v1 with sessions. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { generateKey, identityFrom, keySigner, pinnedPeers } from "@trusted-mcp/identity";
import { TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { z } from "zod";
import { aiccServer, serverKeyFile } from "../../packages/aicc/dist/server.js";

const text = (value) => ({ content: [{ type: "text", text: value }] });

function withTools(server) {
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, async (input) =>
    text(input.text),
  );
  server.registerTool("make", { inputSchema: z.object({ bytes: z.number() }) }, async (input) =>
    text("x".repeat(input.bytes)),
  );
  server.registerTool("fail", {}, async () => {
    throw new Error("this tool always fails");
  });
  server.registerTool(
    "count",
    { inputSchema: z.object({ steps: z.number() }) },
    async ({ steps }, context) => {
      const notify = context.mcpReq?.notify ?? context.sendNotification;
      const progressToken = (context.mcpReq?._meta ?? context._meta)?.progressToken;
      for (let step = 1; step <= steps; step += 1) {
        const params = { progressToken, progress: step, total: steps };
        if (progressToken !== undefined) await notify({ method: "notifications/progress", params });
      }
      return text("counted");
    },
  );
  return server;
}

export const instructions = "From our server.";

export function handlerV2() {
  return createMcpHandler(() => withTools(new McpServer({ name: "ours", version: "1" }, { instructions })));
}

/** Definitions that either protocol reaches without a web request in between. */
export async function trustedServer(options = {}) {
  const identity = options.identity ?? identityFrom(keySigner((await generateKey("ed25519")).privateKey));
  return withTools(
    new TrustedMcpServer(
      { name: "ours", version: "1" },
      { clients: pinnedPeers([]), ...options, identity, mcp: { instructions } },
    ),
  );
}

/** SDK v1 in the legacy era: sessions, GET stream, DELETE. */
export function handlerV1({ json = false } = {}) {
  const sessions = new Map();
  return {
    sessions,
    async fetch(request, options) {
      const id = request.headers.get("mcp-session-id");
      if (id !== null && !sessions.has(id)) return new Response(null, { status: 404 });
      let transport = sessions.get(id);
      if (transport === undefined) {
        transport = new WebStandardStreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          enableJsonResponse: json,
          onsessioninitialized: (session) => void sessions.set(session, transport),
          onsessionclosed: (session) => void sessions.delete(session),
        });
        await withTools(new McpServer1({ name: "ours", version: "1" }, { instructions })).connect(transport);
      }
      return await transport.handleRequest(request, options);
    },
  };
}

export async function ourServer(handler, privateKey, options = {}) {
  const keys = await serverKeyFile(privateKey, { intervalMs: 100 });
  const errors = [];
  const aicc = aiccServer(handler, {
    keys,
    onerror: (error) => errors.push(error),
    onwarning: () => {},
    ...options,
  });
  const http = createServer((request, response) => void aicc.node(request, response));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${http.address().port}/mcp`,
    errors,
    close: async () => {
      aicc.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
