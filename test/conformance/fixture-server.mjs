import { randomBytes } from "node:crypto";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport as Transport,
  toNodeHandler,
  toWebRequest,
} from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  createRequestStateCodec,
  isInitializeRequest,
  isLegacyRequest,
} from "@modelcontextprotocol/server";
import { createFixtureServer } from "./fixture/server.mjs";
import { listen } from "./fixture/listen.mjs";
import { createSessions, refuse } from "./fixture/sessions.mjs";

// A plain MCP server of both eras that does all the conformance suite asks for. By itself:
//   node test/conformance/fixture-server.mjs --port 0     prints {"url":"http://127.0.0.1:…/mcp"}

/**
 * @param {{ port?: number, host?: string, keys?: string | undefined }} [options] `keys`: nothing but the channel
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startFixture(options) {
  const state = createRequestStateCodec({ key: randomBytes(32) });
  const create = () => createFixtureServer({ era: "legacy", state });
  const sessions = createSessions(create, { Transport, isInitializeRequest });
  const modern = createMcpHandler(
    () => createFixtureServer({ era: "modern", state, notify: modern.notify }),
    { legacy: "reject" },
  );
  const handleModern = toNodeHandler(modern);
  const guards = [localhostHostValidation(), localhostOriginValidation()];

  /** @param {import("node:http").IncomingMessage} req @param {import("node:http").ServerResponse} res */
  async function handle(req, res) {
    // A guard that says no has answered already.
    if (!guards.every((guard) => guard(req, res))) return;
    if (req.url?.split("?")[0] !== "/mcp") return refuse(res, 404, -32000, "The endpoint is /mcp");
    const request = await toWebRequest(req);
    const legacy = await isLegacyRequest(request);
    const body = await readJson(request);
    if (body instanceof Error) return refuse(res, 400, -32700, "Parse error: Invalid JSON");
    return legacy ? sessions.handle(req, res, body) : handleModern(req, res, body);
  }

  const server = await listen(
    (req, res) =>
      handle(req, res).catch((error) => {
        if (res.headersSent) res.destroy();
        else refuse(res, error?.status === 413 ? 413 : 500, -32603, "Internal error");
      }),
    options,
  );
  return {
    url: server.url,
    async close() {
      await Promise.all([sessions.close(), modern.close()]);
      await server.close();
    },
  };
}

/** @param {Request} request */
async function readJson(request) {
  const text = await request.text();
  if (text === "" && request.method !== "POST") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    return /** @type {Error} */ (error);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, host: { type: "string" } },
  });
  const fixture = await startFixture({ port: Number(values.port), host: values.host ?? "127.0.0.1" });
  process.stdout.write(`${JSON.stringify({ url: fixture.url })}\n`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void fixture.close());
}
