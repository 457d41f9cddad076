import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { ChannelErrorStub } from "../../test/errors.ts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "../../test/fixture.ts";
import { memoryLog } from "../../test/log.ts";
import { bridgeHttp, type HttpBridge, type HttpBridgeOptions } from "./http.ts";

let fixture: Fixture;
const bridges: HttpBridge[] = [];
const closing: (() => void)[] = [];

async function bridged(options: Partial<HttpBridgeOptions> = {}): Promise<string> {
  const bridge = await bridgeHttp({
    url: new URL(fixture.url),
    fetch,
    port: 0,
    log: memoryLog().log,
    ...options,
  });
  bridges.push(bridge);
  return bridge.url;
}

/** An upstream of the test's own, behind a bridge. */
async function behind(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close().closeAllConnections());
  return bridged({ url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`) });
}

/** fetch refuses to set Host and Origin; this does not. */
function raw(
  url: string,
  headers: Record<string, string>,
  method = "POST",
  path = "/mcp",
): Promise<{ status: number; text: string; allow: string | undefined }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url);
    const request = httpRequest({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text, allow: response.headers.allow }),
      );
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(method === "POST" ? ping : undefined);
  });
}

const ping = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "ping" });
const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };

beforeAll(async () => {
  fixture = await startFixture();
});
afterEach(async () => {
  await Promise.all(bridges.splice(0).map((bridge) => bridge.close()));
  for (const close of closing.splice(0)) close();
});
afterAll(() => fixture.close());

describe("only this machine's own programs are served [REQ-CLI-CONNECT-LISTEN]:", () => {
  test.each([
    ["a rebound DNS name", { host: "attacker.example" }],
    ["a rebound DNS name with our port", { host: "127.0.0.1.attacker.example:80" }],
    ["another address", { host: "192.168.1.7" }],
    ["a Host with a user", { host: "localhost@attacker.example" }],
    ["another site", { origin: "https://attacker.example" }],
    ["another site that begins like us", { origin: "http://localhost.attacker.example" }],
    ["a file or a sandboxed page", { origin: "null" }],
    ["an image or script of another site", { "sec-fetch-site": "cross-site" }],
  ])("%s is refused with 403", async (_, headers) => {
    let reached = 0;
    const url = await bridged({ fetch: () => Promise.reject(new Error(String(++reached))) });
    const answer = await raw(url, { ...json, ...headers });
    expect(answer.status).toBe(403);
    expect(reached).toBe(0);
  });

  test.each([
    ["localhost", { host: "localhost:1234" }],
    ["127.0.0.1 in a page of localhost", { host: "127.0.0.1", origin: "http://localhost:6274" }],
    ["IPv6", { host: "[::1]:80", origin: "https://[::1]:1" }],
  ])("%s is served", async (_, headers) => {
    const url = await bridged();
    expect((await raw(url, { ...json, ...headers })).status).toBe(400);
  });

  test("the address is 127.0.0.1, never another", async () => {
    expect(await bridged()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  });
});

test("other paths are 404, other methods 405, and neither reaches the server", async () => {
  let reached = 0;
  const url = await bridged({ fetch: () => Promise.reject(new Error(String(++reached))) });
  expect((await raw(url, json, "POST", "/")).status).toBe(404);
  expect((await raw(url, json, "GET", "/.well-known/oauth-protected-resource")).status).toBe(404);
  expect(await raw(url, json, "PUT")).toMatchObject({ status: 405, allow: "GET, POST, DELETE" });
  expect((await raw(url, json, "OPTIONS")).status).toBe(405);
  expect(reached).toBe(0);
});

test("a body that is too large is 413 and does not reach the server", async () => {
  const url = await bridged({ maxBodyBytes: 16, fetch: () => Promise.reject(new Error("reached")) });
  expect(await raw(url, json)).toMatchObject({ status: 413 });
});

test("a port that is taken is ERR_LISTEN", async () => {
  const port = Number(new URL(await bridged()).port);
  await expect(bridged({ port })).rejects.toMatchObject({
    code: "ERR_LISTEN",
    action: "fix",
    message: expect.stringMatching(/taken .*--listen/),
  });
});

test.each([["legacy" as const], [{ pin: "2026-07-28" } as const]])(
  "an SDK client works through it: %j",
  async (mode) => {
    const client = new Client({ name: "host", version: "1" }, { versionNegotiation: { mode } });
    const transport = new StreamableHTTPClientTransport(new URL(await bridged()));
    await client.connect(transport);
    expect((await client.listTools()).tools.length).toBeGreaterThan(20);
    const seen: number[] = [];
    await client.callTool(
      { name: "test_tool_with_progress", arguments: {} },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(seen).toEqual([0, 50, 100]);
    await transport.terminateSession();
    await client.close();
  },
);

test("method, MCP headers, status and body pass; what is local does not", async () => {
  let seen: IncomingMessage["headers"] = {};
  const url = await behind((request, response) => {
    seen = request.headers;
    response.writeHead(418, {
      "mcp-session-id": "s1",
      "content-type": "application/json",
      "set-cookie": "a=b",
      "x-kept": "yes",
    });
    request.pipe(response);
  });
  const answer = await fetch(url, {
    method: "POST",
    body: '{ "n": 12345678901234567890 }',
    headers: {
      ...json,
      "mcp-session-id": "s0",
      "mcp-param-region": "Oslo",
      authorization: "Bearer t",
      cookie: "c=1",
      referer: "http://x",
    },
  });
  expect(answer.status).toBe(418);
  expect(await answer.text()).toBe('{ "n": 12345678901234567890 }');
  expect(Object.fromEntries(answer.headers)).toMatchObject({ "mcp-session-id": "s1", "x-kept": "yes" });
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(seen).toMatchObject({
    "mcp-session-id": "s0",
    "mcp-param-region": "Oslo",
    authorization: "Bearer t",
  });
  expect([seen.cookie, seen.referer, seen.origin]).toEqual([undefined, undefined, undefined]);
});

test("the head and each event of a stream pass at once", async () => {
  let next: (text: string) => void = () => undefined;
  const url = await behind((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    next = (text) => response.write(text);
  });
  const answer = await fetch(url, { headers: { accept: "text/event-stream" } });
  const reader = answer.body!.getReader();
  for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
    next(text);
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe(text);
  }
  await reader.cancel();
});

test("a client that reads slowly slows the server down", async () => {
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      written += chunk.length;
      if (written > 512 * 1024 * 1024) controller.close();
      else controller.enqueue(chunk);
    },
  });
  const url = await bridged({ fetch: () => Promise.resolve(new Response(body)) });
  const { port } = new URL(url);
  await new Promise<void>((resolve) => {
    const request = httpRequest({ host: "127.0.0.1", port, path: "/mcp" }, (response) => {
      response.pause();
      setTimeout(() => {
        request.destroy();
        resolve();
      }, 300);
    });
    request.end();
  });
  expect(written).toBeLessThan(64 * 1024 * 1024);
});

test("a client that goes away cancels the request upstream", async () => {
  const aborted = new Promise<void>((resolve) => {
    const gone = new AbortController();
    void behind((_, response) => {
      response.on("close", () => resolve());
      gone.abort();
    }).then((url) =>
      fetch(url, { method: "POST", body: ping, headers: json, signal: gone.signal }).catch(() => undefined),
    );
  });
  await aborted;
});

describe("failures of the channel", () => {
  test("are 502 with a JSON-RPC error for the request, its code in data", async () => {
    const url = await bridged({
      fetch: () => Promise.reject(new ChannelErrorStub("ERR_RECORD_AUTH", "the answer was changed")),
    });
    const answer = await raw(url, json);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.text)).toEqual({
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: -32000,
        message: "trusted-mcp: the answer was changed",
        data: { code: "ERR_RECORD_AUTH", action: "stop" },
      },
    });
  });

  test("in the middle of a stream cut it, so that it is not taken for whole", async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from("data: 1\n\n"));
        setTimeout(() => controller.error(new ChannelErrorStub("ERR_RECORD_TRUNCATED", "cut")), 20);
      },
    });
    const url = await bridged({
      fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
    });
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
  });
});
