import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { trustedListener } from "@trusted-mcp/sdk/listener";
import { afterEach, describe, expect, test } from "vitest";
import { person } from "./support/people.ts";
import { rawRequest } from "./support/raw.ts";

const AUDIENCE = "https://tools.example/mcp";
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface App {
  (request: IncomingMessage, response: ServerResponse): void;
  use(handler: unknown): void;
  get(path: string, handler: unknown): void;
  all(path: string, handler: (request: never, response: never) => Promise<void>): void;
}

interface Parsed extends IncomingMessage {
  readonly body: unknown;
  readonly ip: string;
  readonly protocol: string;
  readonly hostname: string;
}

/** An app as the documentation of SDK v1 has it: host check, JSON parser, bearer middleware, no sessions. */
async function start(options: { bearer?: boolean; hosts?: string[] } = {}) {
  const { bearer = false, hosts = ["tools.example"] } = options;
  const [alice, tools] = [person("alice"), person("tools")];
  const app = createMcpExpressApp({ allowedHosts: hosts }) as unknown as App;
  const seen: object[] = [];
  app.get("/health", (_: unknown, response: ServerResponse) => response.end("well"));
  if (bearer) {
    const verifyAccessToken = async (token: string) => {
      if (token !== "GOOD") throw new InvalidTokenError("bad token");
      const extra = { trustedMcp: "forged", sub: "user-1" };
      return { token, clientId: "oauth-client", scopes: ["read"], expiresAt: Date.now() / 1000 + 60, extra };
    };
    const resourceMetadataUrl = "https://tools.example/.well-known/oauth-protected-resource/mcp";
    app.use(requireBearerAuth({ verifier: { verifyAccessToken }, resourceMetadataUrl }));
  }
  app.all("/mcp", async (request: Parsed, response: ServerResponse) => {
    seen.push({ ip: request.ip, protocol: request.protocol, hostname: request.hostname });
    const server = new McpServer({ name: "v1", version: "1.0.0" });
    server.registerTool("whoami", {}, ({ authInfo }) => ({
      content: [{ type: "text", text: JSON.stringify(authInfo ?? null) }],
    }));
    const transport = new StreamableHTTPServerTransport({});
    await server.connect(transport as never);
    response.once("close", () => void transport.close());
    await transport.handleRequest(request as never, response, request.body);
  });
  const sealed = trustedListener(app, {
    path: "/mcp",
    identity: tools.identity,
    clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
    audience: AUDIENCE,
    onerror: () => undefined,
  });
  const http = createServer((request, response) => void sealed.node(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const server = pinnedServer(tools.publicKey, "tools");
  const fetch = trustedFetch({ url, identity: alice.identity, server, audience: AUDIENCE });
  closing.push(async () => {
    await fetch.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return { url, fetch, seen };
}

async function whoami(url: string, fetch: typeof globalThis.fetch, token?: string): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = new Client({ name: "v1", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { fetch, requestInit: { headers } });
  await client.connect(transport as never);
  const result = await client.callTool({ name: "whoami", arguments: {} });
  await client.close();
  return JSON.parse((result.content as { text: string }[])[0]?.text ?? "");
}

describe("an Express app of SDK v1 behind the channel [REQ-LISTENER]", () => {
  test("finds the peer where it finds an OAuth client, and an address that is the audience's", async () => {
    const { url, fetch, seen } = await start();
    expect(await whoami(url, fetch)).toMatchObject({
      clientId: "alice",
      token: "",
      extra: { trustedMcp: { peer: { name: "alice" } } },
    });
    expect(seen[0]).toEqual({ ip: "127.0.0.1", protocol: "https", hostname: "tools.example" });
  });

  test("with bearer middleware has both: the token's client, and the peer that the token cannot forge", async () => {
    const { url, fetch } = await start({ bearer: true });
    expect(await whoami(url, fetch, "GOOD")).toMatchObject({
      clientId: "oauth-client",
      scopes: ["read"],
      extra: { sub: "user-1", trustedMcp: { peer: { name: "alice" } } },
    });
    await expect(whoami(url, fetch, "BAD")).rejects.toThrow(/invalid_token|401/i);
    const refused = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain("oauth-protected-resource");
  });

  test("keeps its other routes, and its MCP route from everybody outside the channel", async () => {
    const { url, seen } = await start({ hosts: ["127.0.0.1", "tools.example"] });
    const health = await rawRequest(new URL("/health", url).href, { method: "GET" });
    expect([health.status, health.body.toString()]).toEqual([200, "well"]);
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    for (const path of ["/mcp", "/MCP/", "/mcp/.", "/%6dcp", "/mcp/x/.."])
      expect((await rawRequest(new URL(url).origin + path, { headers, body })).status).toBe(422);
    expect(seen).toEqual([]);
  });

  test("that does not know the audience's host says so inside the channel", async () => {
    const { url, fetch } = await start({ hosts: ["localhost"] });
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("tools.example")]);
  });
});
