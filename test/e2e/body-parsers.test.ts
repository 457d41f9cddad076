import { createServer, type RequestListener } from "node:http";
import * as http2 from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { callTool, codeOf, fetchTo } from "./support/client.ts";
import { rawRequest } from "./support/raw.ts";
import { startServer, type TestServer } from "./support/server.ts";

/** What is used of Express, which has no types of its own. */
interface Express extends RequestListener {
  use(handler: unknown): void;
  all(path: string, run: (request: never, response: never) => void): void;
}
const express = createRequire(import.meta.url)("express") as (() => Express) & {
  json(options?: object): unknown;
  text(options?: object): unknown;
  raw(options?: object): unknown;
};

type Parsed = Parameters<RequestListener>[0] & { body?: unknown };
type Answer = Parameters<RequestListener>[1];

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function listen(listener: RequestListener): Promise<string> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
}

/** A server in a route of Express, behind `parser`; `change` is what the parser makes of `request.body`. */
async function behind(
  parser: unknown,
  change: (body: unknown) => unknown = (body) => body,
): Promise<{ server: TestServer; url: string }> {
  const server = await startServer();
  closing.push(() => server.close());
  const app = express();
  if (parser !== undefined) app.use(parser);
  app.all("/mcp", (request: Parsed, response: Answer) => {
    void server.handler.node(request, response, change(request.body));
  });
  return { server, url: await listen(app) };
}

describe("body parsers in front of the channel [REQ-SDK-HANDLER]", () => {
  test.each<[string, () => unknown, "json" | "binary", ((body: unknown) => unknown)?]>([
    ["none", () => undefined, "binary"],
    ["express.json()", () => express.json(), "json"],
    [
      "express.json() of Express 4, which makes {} of what it leaves alone",
      () => express.json(),
      "json",
      (b) => b ?? {},
    ],
    ["express.text() for everything", () => express.text({ type: () => true }), "json"],
    ["express.raw() for everything", () => express.raw({ type: () => true }), "binary"],
    ["express.raw() for JSON only", () => express.raw({ type: "application/json" }), "binary"],
  ])("%s", async (_, parser, framing, change) => {
    const { server, url } = await behind(parser(), change);
    const fetch = fetchTo(server, url);
    expect((await fetch.session()).framing).toBe(framing);
    expect(await callTool(fetch, url, "echo", { text: "é ✓" })).toBe("é ✓");
    expect((await callTool(fetch, url, "make", { bytes: 300_000 })).length).toBe(300_000);
    await fetch.close();
    expect(server.refused).toEqual([]);
  });

  test("a parser that took the bytes of plaintext does not let it through", async () => {
    const { server, url } = await behind(express.json());
    const headers = { "content-type": "application/json" };
    for (const body of ['{"jsonrpc":"2.0","id":1,"method":"tools/list"}', "{}", "[]", '"text"', "null"])
      expect((await rawRequest(url, { headers, body })).status).toBe(
        body === '"text"' || body === "null" ? 400 : 422,
      );
    expect(server.ledger.handled).toBe(0);
  });

  test("Fastify's, which refuses media types that it does not know", async () => {
    const server = await startServer();
    closing.push(() => server.close());
    const app = fastify();
    app.all("/mcp", (request, reply) => {
      reply.hijack();
      void server.handler.node(request.raw, reply.raw, request.body);
    });
    closing.push(() => app.close());
    const url = `${await app.listen({ port: 0, host: "127.0.0.1" })}/mcp`;
    const fetch = fetchTo(server, url);
    expect((await fetch.session()).framing).toBe("json");
    expect(await callTool(fetch, url, "echo", { text: "é" })).toBe("é");
    await fetch.close();
  });

  test("a limit of 100 kB is told as what it most often is, and not as a failed call", async () => {
    const { server, url } = await behind(express.json());
    const fetch = fetchTo(server, url);
    const call = callTool(fetch, url, "echo", { text: "x".repeat(150_000) });
    await expect(call).rejects.toThrow(/HTTP 413.*express\.json\(\)/);
    expect(await codeOf(callTool(fetch, url, "echo", { text: "x".repeat(150_000) }))).toBe(
      "ERR_OUTCOME_UNKNOWN",
    );
    expect(server.ledger.total).toBe(0);
    await fetch.close();
    const large = await behind(express.json({ limit: "8mb" }));
    const roomy = fetchTo(large.server, large.url);
    expect((await callTool(roomy, large.url, "echo", { text: "x".repeat(1_000_000) })).length).toBe(
      1_000_000,
    );
    await roomy.close();
  });
});

describe("Node's own HTTP/2 server", () => {
  test("serves the channel, refuses plaintext, and keeps its connection [REQ-SDK-HANDLER]", async () => {
    const server = await startServer();
    closing.push(() => server.close());
    const http = http2.createServer((request, response) => {
      void server.handler.node(request as never, response as never);
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const client = http2.connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    closing.push(async () => {
      client.destroy();
      await new Promise((resolve) => http.close(resolve));
    });
    const post = async (type: string, body: string): Promise<{ status: unknown; text: string }> => {
      const stream = client.request({ ":method": "POST", ":path": "/mcp", "content-type": type });
      const head = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
      stream.end(body);
      let text = "";
      for await (const part of stream) text += String(part);
      return { status: (await head)[":status"], text };
    };
    const refused = await post("application/json", '{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    expect(refused.status).toBe(422);
    const garbage = await post("application/trusted-mcp", "garbage");
    expect(garbage).toEqual(refused);
    expect(server.ledger.handled).toBe(0);
  });
});
