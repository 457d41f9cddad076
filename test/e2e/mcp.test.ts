import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { pinnedServer } from "@trusted-mcp/identity";
import { connectTrusted, EXTENSION_NAME, trustedFetch, type TrustedFetch } from "@trusted-mcp/sdk/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attackProxy, type AttackProxy } from "@trusted-mcp/testkit";
import { callTool, codeOf, fetchTo, sdkClient, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { AUDIENCE, KINDS, startServer, type TestServer } from "./support/server.ts";
import { toolServer } from "./support/tools.ts";

async function until(condition: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

type Content = { readonly content?: unknown; readonly [key: string]: unknown };
const textOf = (result: Content): string => (result.content as { text: string }[])[0]?.text ?? "";

describe.each(KINDS)("MCP inside the channel (%s)", (kind) => {
  let server: TestServer;
  let fetch: TrustedFetch;
  let client: Client;
  beforeAll(async () => {
    server = await startServer({ kind });
    fetch = fetchTo(server);
    client = await sdkClient(fetch, server.url);
  });
  afterAll(async () => {
    await client.close();
    await fetch.close();
    await server.close();
  });

  test("tools are listed and called, text arrives as it was [REQ-SDK-HANDLER, REQ-SDK-FETCH]", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("mark");
    const text = 'Grüße, 世界 🌍 \u2028 \0 "quoted" \\ \r\n';
    expect(textOf(await client.callTool({ name: "echo", arguments: { text } }))).toBe(text);
    const prompt = await client.getPrompt({ name: "greet" });
    expect(prompt.messages).toHaveLength(1);
  });

  test("1 MB results arrive whole, streamed or not, also behind progress", async () => {
    const whole = await client.callTool({ name: "make", arguments: { bytes: 1_000_000 } });
    expect(textOf(whole)).toHaveLength(1_000_000);
    const steps: number[] = [];
    const streamed = await client.callTool(
      { name: "steps", arguments: { nonce: "big", steps: 3, pauseMs: 1, bytes: 3_500_000 } },
      { onprogress: ({ progress }) => steps.push(progress) },
    );
    expect(textOf(streamed)).toHaveLength(3_500_000);
    expect(steps).toEqual([1, 2, 3]);
  });

  test("progress and log lines come while the call runs [REQ-SDK-INSIDE]", async () => {
    const steps: number[] = [];
    await client.callTool(
      { name: "steps", arguments: { nonce: "p", steps: 3, pauseMs: 2, bytes: 1 } },
      { onprogress: ({ progress }) => steps.push(progress) },
    );
    expect(steps).toEqual([1, 2, 3]);
    const logged: unknown[] = [];
    client.setNotificationHandler("notifications/message", ({ params }) => void logged.push(params.data));
    await client.callTool({ name: "logs", arguments: {} });
    await until(() => logged.length > 0);
    expect(logged).toEqual(["a line of the log"]);
  });

  test("errors of tools and of the protocol arrive as what they are [REQ-SDK-INSIDE]", async () => {
    expect(await client.callTool({ name: "fails", arguments: {} })).toMatchObject({ isError: true });
    const thrown = await client.callTool({ name: "throws", arguments: {} });
    expect(thrown).toMatchObject({ isError: true });
    expect(textOf(thrown)).toContain("thrown inside");
    await expect(client.callTool({ name: "no such tool", arguments: {} })).rejects.toMatchObject({
      code: -32602,
    });
  });

  test("cancelling a call stops the tool [REQ-SDK-INSIDE]", async () => {
    const abort = new AbortController();
    const call = client.callTool(
      { name: "waits", arguments: { nonce: "cancelled" } },
      { signal: abort.signal },
    );
    call.catch(() => undefined);
    await until(() => server.ledger.runs("cancelled") === 1);
    abort.abort();
    await expect(call).rejects.toThrow();
    // Stateless legacy servers cannot connect the notification with the call; the lane can.
    if (kind === "lane") await until(() => server.ledger.cancelled.includes("cancelled"));
  });

  test("a caller who goes away stops the tool [REQ-SDK-INSIDE]", async () => {
    const abort = new AbortController();
    const call = callTool(fetch, server.url, "waits", { nonce: "left" }, { signal: abort.signal });
    call.catch(() => undefined);
    await until(() => server.ledger.runs("left") === 1);
    abort.abort();
    await expect(call).rejects.toThrow();
    await until(() => server.ledger.cancelled.includes("left"));
  });

  test("a reader who stops reading an idle stream lets go of it at once", async () => {
    const params = {
      name: "steps",
      arguments: { nonce: "idle", steps: 2, pauseMs: 15_000, bytes: 1 },
      _meta: { progressToken: "idle" },
    };
    const response = await send(fetch, server.url, "tools/call", params);
    const started = performance.now();
    await response.body?.cancel();
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("tools see who calls, with nothing that was not verified [REQ-SDK-AUTHINFO]", async () => {
    const info = JSON.parse(textOf(await client.callTool({ name: "whoami", arguments: {} }))) as object;
    expect(info).toMatchObject({
      token: "",
      clientId: "alice",
      scopes: [],
      extra: { trustedMcp: { peer: { name: "alice", algorithm: "ed25519", delegated: false } } },
    });
  });

  test("two clients are told apart by name, also at the same time [REQ-PEERS-NAMED, REQ-SDK-AUTHINFO]", async () => {
    const bob = fetchTo(server, server.url, { as: server.bob });
    const names = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const who = index % 2 === 0 ? fetch : bob;
        return (JSON.parse(await callTool(who, server.url, "whoami")) as { clientId: string }).clientId;
      }),
    );
    expect(names).toEqual(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? "alice" : "bob")));
    await bob.close();
  });

  test("the SDK's 1.x client works through its fetch option, and its calls end as they should [REQ-SDK-ERAS]", async () => {
    const v1 = new ClientV1({ name: "v1", version: "1.0.0" });
    const own = fetchTo(server);
    await v1.connect(new TransportV1(new URL(server.url), { fetch: own }) as never);
    expect((await v1.listTools()).tools.length).toBeGreaterThan(5);
    const steps: number[] = [];
    const result = await v1.callTool(
      { name: "steps", arguments: { nonce: "v1", steps: 2, pauseMs: 1, bytes: 5 } },
      undefined,
      { onprogress: ({ progress }) => steps.push(progress) },
    );
    expect(textOf(result)).toBe("xxxxx");
    expect(steps).toEqual([1, 2]);
    await v1.close();
    await own.close();
  });

  test("the modern era works, negotiated or pinned [REQ-SDK-ERAS]", async () => {
    for (const mode of ["auto", { pin: "2026-07-28" }] as const) {
      const own = fetchTo(server);
      const modern = new Client({ name: "modern", version: "1.0.0" }, { versionNegotiation: { mode } });
      await modern.connect(new StreamableHTTPClientTransport(new URL(server.url), { fetch: own }));
      expect((await modern.listTools()).tools.length).toBeGreaterThan(5);
      const steps: number[] = [];
      const result = await modern.callTool(
        { name: "steps", arguments: { nonce: "modern", steps: 2, pauseMs: 1, bytes: 5 } },
        { onprogress: ({ progress }) => steps.push(progress) },
      );
      expect(textOf(result)).toBe("xxxxx");
      expect(steps).toEqual([1, 2]);
      const abort = new AbortController();
      const nonce = `modern ${JSON.stringify(mode)}`;
      const call = modern.callTool({ name: "waits", arguments: { nonce } }, { signal: abort.signal });
      call.catch(() => undefined);
      await until(() => server.ledger.runs(nonce) === 1);
      abort.abort();
      await expect(call).rejects.toThrow();
      await until(() => server.ledger.cancelled.includes(nonce));
      await modern.close();
      await own.close();
    }
  });
});

describe("the shortest path", () => {
  test("connectTrusted gives the SDK's client and who the server is; TrustedMcpServer keeps the definitions [REQ-SDK-SHORT, REQ-SDK-EXTENSION, W32]", async () => {
    const server = await startServer({ kind: "lane" });
    const { client, channel, close } = await connectTrusted(
      { name: "short", version: "1.0.0" },
      {
        url: server.url,
        audience: AUDIENCE,
        identity: server.alice.identity,
        server: pinnedServer(server.server.publicKey, "tools"),
      },
    );
    expect(channel.peer.name).toBe("tools");
    expect(channel.suite).toContain("X-Wing");
    expect(client.getServerCapabilities()?.extensions?.[EXTENSION_NAME]).toEqual({
      versions: ["trusted-mcp/1"],
    });
    expect(textOf(await client.callTool({ name: "mark", arguments: { nonce: "short" } }))).toBe(
      "marked short",
    );
    await close();
    await server.close();
  });

  test("connectTrusted to a stranger's server is refused, and nothing was sent to it [REQ-IDENTITY-IMPOSTOR]", async () => {
    const server = await startServer();
    const act = connectTrusted(
      { name: "short", version: "1.0.0" },
      {
        url: server.url,
        audience: AUDIENCE,
        identity: server.alice.identity,
        server: pinnedServer(person("other").publicKey),
      },
    );
    expect(await codeOf(act)).toBe("ERR_PEER_UNKNOWN");
    expect(server.ledger.handled).toBe(0);
    await server.close();
  });
});

describe("a legacy server with sessions of its own", () => {
  test("its session id, its GET stream and its DELETE travel inside [REQ-SDK-INSIDE, W24]", async () => {
    const methods: string[] = [];
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => "MCP-SESSION-SENTINEL",
    });
    const inner = {
      fetch: (request: Request, options?: { parsedBody?: unknown }): Promise<Response> => {
        methods.push(request.method);
        return transport.handleRequest(request, options);
      },
    };
    const server = await startServer({ inner });
    const mcp = toolServer(server.ledger);
    await mcp.connect(transport);
    const proxy = await attackProxy(server.url);
    const fetch = fetchTo(server, proxy.url);
    const client = new Client({ name: "sessions", version: "1.0.0" });
    const clientTransport = new StreamableHTTPClientTransport(new URL(proxy.url), { fetch });
    await client.connect(clientTransport);
    expect(clientTransport.sessionId).toBe("MCP-SESSION-SENTINEL");
    await until(() => methods.includes("GET"));
    let changed = 0;
    client.setNotificationHandler("notifications/tools/list_changed", () => void (changed += 1));
    mcp.sendToolListChanged();
    await until(() => changed === 1);
    await clientTransport.terminateSession();
    expect(methods).toContain("DELETE");
    expect(proxy.seen.every(({ request }) => request.method === "POST")).toBe(true);
    const wire = proxy.seen
      .map(({ request, answers }) =>
        JSON.stringify([request.headers, request.path, answers.map((a) => a.headers)]),
      )
      .join();
    expect(wire).not.toContain("MCP-SESSION-SENTINEL");
    await client.close();
    await fetch.close();
    await proxy.close();
    await server.close();
  });
});

describe("behind a body parser", () => {
  test("JSON frames that were parsed before arrive all the same, and no binary ones are agreed on [REQ-SDK-HANDLER]", async () => {
    const server = await startServer();
    const parsed: string[] = [];
    const http = createServer((request, response) => {
      const type = request.headers["content-type"];
      if (type !== "application/json") return void server.handler.node(request, response);
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.once("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(parts).toString());
        parsed.push(type);
        void server.handler.node(request, response, body);
      });
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    const fetch = fetchTo(server, url);
    expect(await callTool(fetch, url, "echo", { text: "parsed" })).toBe("parsed");
    expect(parsed).toHaveLength(3);
    expect((await fetch.session()).framing).toBe("json");
    await fetch.close();
    http.closeAllConnections();
    http.close();
    await server.close();
  });
});

describe("anonymous clients", () => {
  let server: TestServer;
  let proxy: AttackProxy;
  beforeAll(async () => {
    server = await startServer({ clientAuth: "optional" });
    proxy = await attackProxy(server.url);
  });
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  test("are admitted where the server says so, and tools see that nobody was verified [REQ-SDK-AUTHINFO]", async () => {
    const anonymous = trustedFetch({
      url: proxy.url,
      audience: AUDIENCE,
      server: pinnedServer(server.server.publicKey),
    });
    expect(await callTool(anonymous, proxy.url, "whoami")).toBe("null");
    const alice = fetchTo(server, proxy.url);
    expect(await callTool(alice, proxy.url, "whoami")).toContain('"clientId":"alice"');
    await anonymous.close();
    await alice.close();
  });

  test("a token in the inner request does not make anybody known [REQ-SDK-AUTHINFO]", async () => {
    const anonymous = trustedFetch({
      url: proxy.url,
      audience: AUDIENCE,
      server: pinnedServer(server.server.publicKey),
    });
    const response = await send(
      anonymous,
      proxy.url,
      "tools/call",
      { name: "whoami", arguments: {} },
      {
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          authorization: "Bearer STOLEN",
          "x-trusted-mcp-peer": "alice",
        },
      },
    );
    expect(await response.text()).not.toContain("alice");
    await anonymous.close();
  });

  test("strangers' keys are refused even there [REQ-IDENTITY-UNKNOWN-CLIENT]", async () => {
    const mallory = fetchTo(server, proxy.url, { as: person("mallory") });
    expect(await codeOf(callTool(mallory, proxy.url, "mark", { nonce: "stranger" }))).toBe(
      "ERR_REFUSED_BY_PEER",
    );
    expect(server.ledger.total).toBe(0);
    await mallory.close();
  });
});
