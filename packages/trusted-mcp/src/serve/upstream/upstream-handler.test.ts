import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { authInfo, eventually, front, memoryLog } from "../../../test/serve/front.ts";
import { call, events, post, request, send } from "../../../test/serve/talk.ts";
import type { ServeHandler } from "../handler.ts";
import { upstreamHandler, type UpstreamHandlerOptions } from "./upstream-handler.ts";

let stopServer = (): Promise<void> => Promise.resolve();
let handler: ServeHandler | undefined;
let log = memoryLog();
afterEach(async () => {
  await handler?.close();
  handler = undefined;
  await stopServer();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function behind(answer: Answer, options: Partial<UpstreamHandlerOptions> = {}): Promise<ServeHandler> {
  await stopServer();
  const server = createServer(answer);
  stopServer = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  log = memoryLog();
  handler = upstreamHandler({ url: `http://127.0.0.1:${port}/base/mcp?x=1`, log, ...options });
  return handler;
}

const json: Answer = (_request, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc":"2.0","id":1,"result":{}}');

/** Answers with what arrived. */
const mirror: Answer = (incoming, response) => {
  const parts: Buffer[] = [];
  incoming.on("data", (part: Buffer) => parts.push(part));
  incoming.on("end", () => {
    const { method, url, headers } = incoming;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString("base64") }));
  });
};

describe("a request to an upstream server", () => {
  it("arrives with its method, its bytes and its MCP headers, at the configured address only", async () => {
    const handler = await behind(mirror);
    const bytes = Buffer.from([0, 255, 123, 10, 13]);
    const headers = {
      "content-type": "application/json",
      "mcp-name": "a",
      "mcp-param-region": "eu",
      "last-event-id": "7",
      authorization: "DPoP t",
      dpop: "proof",
    };
    const target = new Request("http://evil.example/elsewhere?y=2", { method: "POST", headers, body: bytes });
    const seen = await (await handler.fetch(target)).json();
    expect(seen).toMatchObject({
      method: "POST",
      url: "/base/mcp?x=1",
      headers,
      body: bytes.toString("base64"),
    });
    expect(seen.headers.host).toMatch(/^127\.0\.0\.1:/);
  });

  it("loses every header that is hop-by-hop, about the peer's own connection, or not for MCP (RFC 9110 §7.6.1)", async () => {
    const handler = await behind(mirror);
    const sent = {
      cookie: "a=b",
      origin: "http://evil",
      forwarded: "for=1",
      "x-forwarded-for": "1",
      "x-real-ip": "1",
      te: "gzip",
      "x-custom": "1",
      "accept-encoding": "br",
      "proxy-authorization": "p",
      referer: "r",
    };
    const { headers } = (await (await post(handler, call(1, "ping"), { headers: sent })).json()) as {
      headers: IncomingHttpHeaders;
    };
    const names = ["accept", "accept-encoding", "connection", "content-length", "content-type", "host"];
    expect(Object.keys(headers).toSorted()).toEqual(names);
    expect(headers["accept-encoding"]).toBe("identity");
  });

  it("says who the peer is in a header that the peer cannot set", async () => {
    const handler = await behind(mirror, { headers: { Authorization: "Bearer ours" } });
    const forged = { headers: { "x-trusted-mcp-peer": "admin", authorization: "Bearer theirs" } };
    const known = await (await post(handler, call(1, "ping"), { ...forged, peer: "alice" })).json();
    expect(known.headers).toMatchObject({ "x-trusted-mcp-peer": "alice", authorization: "Bearer ours" });
    expect((await (await post(handler, call(1, "ping"), forged)).json()).headers).not.toHaveProperty(
      "x-trusted-mcp-peer",
    );
    await handler.close();
    const renamed = await behind(mirror, { peerHeader: "Mcp-Caller" });
    const say = { peer: "alice", headers: { "mcp-caller": "admin" } };
    expect((await (await post(renamed, call(1, "ping"), say)).json()).headers["mcp-caller"]).toBe("alice");
  });

  it("is not sent when its body is over the bound, and not in part when its sender goes away", async () => {
    let requests = 0;
    const handler = await behind((incoming, response) => (requests++, json(incoming, response)), {
      limits: { maxRequestBytes: 100 },
    });
    expect((await post(handler, call(1, "ping", { pad: "x".repeat(200) }))).status).toBe(413);
    const half = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"half'));
        controller.error(new Error("gone"));
      },
    });
    const init = {
      method: "POST",
      body: half,
      duplex: "half",
      headers: { "content-type": "application/json" },
    };
    expect((await handler.fetch(new Request("http://handler/", init as RequestInit))).status).toBe(499);
    expect((await send(handler, "PUT")).status).toBe(405);
    expect(requests).toBe(0);
  });
});

describe("an answer of an upstream server", () => {
  it("comes back with its status and its MCP headers, without cookies and without what it says of its machine", async () => {
    const handler = await behind((_request, response) => {
      const headers = {
        "content-type": "application/json",
        "mcp-session-id": "s",
        "www-authenticate": 'DPoP error="use_dpop_nonce", resource_metadata="x"',
        "dpop-nonce": "n",
        "set-cookie": "a=b",
        server: "nginx",
        "x-backend": "10.0.0.1",
        "x-powered-by": "Express",
      };
      response.writeHead(401, headers).end("{}");
    });
    const response = await post(handler, call(1, "ping"));
    expect(response.status).toBe(401);
    expect(Object.keys(Object.fromEntries(response.headers)).toSorted()).toEqual([
      "content-type",
      "dpop-nonce",
      "mcp-session-id",
      "www-authenticate",
    ]);
  });

  it("that is empty stays empty", async () => {
    const handler = await behind((_request, response) => response.writeHead(202).end());
    const response = await post(handler, { jsonrpc: "2.0", method: "notifications/initialized" });
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });

  it("is streamed event by event, at the reader's pace, and ends upstream when the reader leaves", async () => {
    let written = 0;
    let closed = false;
    const handler = await behind((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.on("close", () => (closed = true));
      const next = (): void => {
        while (!response.destroyed && written < 100_000_000) {
          const data = `data: ${JSON.stringify({ n: written, pad: "z".repeat(10_000) })}\n\n`;
          written += data.length;
          if (!response.write(data)) return void response.once("drain", next);
        }
      };
      next();
    });
    const response = await post(handler, call(1, "ping"));
    const stream = events(response);
    expect(await stream.take()).toMatchObject({ n: 0 });
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
    expect(written).toBeLessThan(20_000_000);
    await stream.cancel();
    await eventually(() => closed, "the connection to the server is closed");
  });

  it("is given up when the peer goes away before it begins", async () => {
    let closed = false;
    const gone = new AbortController();
    const handler = await behind((_request, response) => {
      response.on("close", () => (closed = true));
      gone.abort();
    });
    expect((await post(handler, call(1, "ping"), { signal: gone.signal })).status).toBe(499);
    await eventually(() => closed, "the connection to the server is closed");
  });

  it("that is a redirect is not followed, and says nothing of the target", async () => {
    let requests = 0;
    for (const status of [301, 302, 303, 304, 307, 308]) {
      const handler = await behind((_request, response) => {
        requests++;
        response.writeHead(status, { location: "http://169.254.169.254/secret" }).end();
      });
      const response = await post(handler, call(1, "ping"));
      expect([response.status, (await response.clone().json()).error.code]).toEqual([502, -32603]);
      expect(`${await response.text()}${JSON.stringify([...response.headers])}`).not.toContain("169.254");
      await handler.close();
    }
    expect(requests).toBe(6);
  });

  it("that is compressed although it was told not to is refused", async () => {
    const handler = await behind((_request, response) =>
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end("x"),
    );
    expect((await post(handler, call(1, "ping"))).status).toBe(502);
  });

  it("that is cut is refused, or looks cut", async () => {
    for (const type of ["application/json", "text/event-stream"]) {
      const handler = await behind((_request, response) => {
        response.writeHead(200, { "content-type": type });
        response.write('data: {"jsonrpc":"2.0"');
        setTimeout(() => response.destroy(), 30);
      });
      const response = await post(handler, call(1, "ping"));
      if (type === "application/json") expect(response.status).toBe(502);
      else await expect(response.text()).rejects.toThrow("ended its answer early");
      await handler.close();
    }
  });

  it("that never comes because the server broke the connection says that the request may have run", async () => {
    const handler = await behind((incoming) =>
      incoming.once("end", () => incoming.socket.destroy()).resume(),
    );
    const response = await post(handler, call(1, "ping"));
    expect(response.status).toBe(502);
    expect((await response.json()).error).toEqual({
      code: -32603,
      message:
        "The MCP server behind this endpoint broke the connection before it answered; the request may have run",
      data: { code: "ERR_OUTCOME_UNKNOWN" },
    });
    expect(log.entries).toMatchObject([{ level: "error", fields: { code: "ECONNRESET" } }]);
  });

  it("that never comes because the server is down is a 502 without its address", async () => {
    log = memoryLog();
    handler = upstreamHandler({ url: "http://127.0.0.1:9/mcp", log });
    const response = await post(handler, call(1, "ping"));
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ jsonrpc: "2.0", id: null, error: { code: -32603 } });
    expect(text).not.toContain("127.0.0.1");
    expect(log.entries).toMatchObject([{ level: "error", fields: { code: "ECONNREFUSED" } }]);
  });
});

describe("sessions of an upstream server", () => {
  it("belong to the peer that opened them: another's is answered like an unknown one, and never sent on", async () => {
    const seen: (string | undefined)[] = [];
    const handler = await behind((incoming, response) => {
      const session = incoming.headers["mcp-session-id"]?.toString();
      seen.push(session);
      const known = session === undefined || session === "secret";
      response.writeHead(known ? 200 : 404, {
        "content-type": "application/json",
        ...(session === undefined ? { "mcp-session-id": "secret" } : {}),
      });
      response.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
    });
    await post(handler, call(1, "initialize"), { peer: "alice" });
    expect((await post(handler, call(2, "ping"), { peer: "alice", session: "secret" })).status).toBe(200);
    seen.length = 0;
    for (const say of [{ peer: "bob" }, {}])
      expect((await post(handler, call(2, "ping"), { ...say, session: "secret" })).status).toBe(404);
    const renamed = await handler.fetch(request("POST", call(2, "ping"), { session: "secret" }), {
      authInfo: authInfo("alice", "another-key"),
    });
    expect(renamed.status).toBe(404);
    expect(seen).toEqual([]);
    expect((await post(handler, call(2, "ping"), { peer: "bob", session: "unknown" })).status).toBe(404);
    await send(handler, "DELETE", { peer: "alice", session: "secret" });
    expect((await post(handler, call(2, "ping"), { peer: "bob", session: "secret" })).status).toBe(200);
  });
});

describe("the upstream address", () => {
  it.each([
    "ftp://a/",
    "not a url",
    "http://user:secret@host/mcp",
    "http://host/mcp#part",
    "file:///etc/passwd",
  ])("cannot be %s", (url) => {
    expect(() => upstreamHandler({ url, log })).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  });
});

describe("an SDK server behind the handler", () => {
  it.each(["legacy", "auto"] as const)("serves SDK clients in %s mode, with progress", async (mode) => {
    const mcp = createMcpHandler(() => {
      const each = new McpServer({ name: "plain", version: "1.0.0" });
      each.registerTool("steps", { inputSchema: z.object({}) }, async (_input, ctx) => {
        const progressToken = ctx.mcpReq._meta?.progressToken;
        if (progressToken !== undefined)
          await ctx.mcpReq.notify({
            method: "notifications/progress",
            params: { progressToken, progress: 1 },
          });
        return { content: [{ type: "text", text: ctx.mcpReq.method }] };
      });
      return each;
    });
    const node = toNodeHandler(mcp);
    const handler = await behind((incoming, response) => void node(incoming as never, response));
    const public_ = await front(handler);
    const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(public_.url));
    expect(client.getNegotiatedProtocolVersion()).toBe(mode === "auto" ? "2026-07-28" : "2025-11-25");
    const progress: number[] = [];
    const result = await client.callTool(
      { name: "steps", arguments: {} },
      { onprogress: (each) => progress.push(each.progress) },
    );
    expect([result.content, progress]).toEqual([[{ type: "text", text: "tools/call" }], [1]]);
    await client.close();
    await public_.close();
    await mcp.close();
  });
});
