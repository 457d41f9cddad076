import process from "node:process";
import { pathToFileURL } from "node:url";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { StreamableHTTPServerTransport as Transport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { createFixtureServer } from "./fixture-v1/server.mjs";
import { listen } from "./fixture/listen.mjs";
import { createSessions, refuse } from "./fixture/sessions.mjs";

// A plain MCP server on SDK v1 and Express, with sessions. By itself:
//   node test/conformance/fixture-server-v1.mjs     prints {"url":"http://127.0.0.1:…/mcp"}

/**
 * @param {{ keys?: string | undefined }} [options] `keys`: nothing but the channel
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startFixtureV1(options) {
  const sessions = createSessions(createFixtureServer, { Transport, isInitializeRequest });
  // Checks the Host header and parses the body, as every server made with SDK v1 does.
  const app = createMcpExpressApp();
  app.use((req, res, next) => {
    // SDK v1 leaves this check, which the specification asks for, to the server.
    if (/^https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/.test(req.headers.origin ?? "http://localhost")) next();
    else refuse(res, 403, -32000, "The Origin is another site");
  });
  app.all("/mcp", (req, res) => void sessions.handle(req, res, req.body));
  const server = await listen(app, options);
  return {
    url: server.url,
    async close() {
      await sessions.close();
      await server.close();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const fixture = await startFixtureV1();
  process.stdout.write(`${JSON.stringify({ url: fixture.url })}\n`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void fixture.close());
}
