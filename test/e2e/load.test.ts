import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeHandshakeRequest } from "@trusted-mcp/channel";
import type { TrustedFetch } from "@trusted-mcp/sdk/client";
import { pinnedPeers } from "@trusted-mcp/identity";
import { TrustedMcpServer, type WebHandler } from "@trusted-mcp/sdk/server";
import { afterEach, describe, expect, test } from "vitest";
import { callTool, codeFrom, codeOf, fetchTo, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { rawRequest } from "./support/raw.ts";
import { startServer, type TestServer, type TestServerOptions } from "./support/server.ts";

const open: { close: () => unknown }[] = [];

async function server(options: TestServerOptions): Promise<TestServer> {
  const started = await startServer(options);
  open.push(started);
  return started;
}

function client(to: TestServer, options: Parameters<typeof fetchTo>[2] = {}): TrustedFetch {
  const fetch = fetchTo(to, to.url, options);
  open.push(fetch);
  return fetch;
}

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** Calls wait until the test lets them go; a GET is a stream without end. */
function held(): { inner: WebHandler; runs: () => number; left: () => number; letGo: () => void } {
  const waiting: (() => void)[] = [];
  let runs = 0;
  let left = 0;
  const inner: WebHandler = {
    fetch: async (request) => {
      runs += 1;
      if (request.method === "GET") {
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(Buffer.from(": open\n\n")),
          cancel: () => void (left += 1),
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
      return Response.json({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } });
    },
  };
  return { inner, runs: () => runs, left: () => left, letGo: () => waiting.splice(0).forEach((go) => go()) };
}

const get = async (fetch: TrustedFetch, url: string): Promise<ReadableStreamDefaultReader> => {
  const response = await fetch(url, { method: "GET", headers: { accept: "text/event-stream" } });
  const reader = response.body!.getReader();
  await reader.read();
  return reader;
};

describe("requests under way at once [REQ-LIMITS]", () => {
  test.each(["node", "fetch"] as const)(
    "%s: one peer above its limit hears that its call did not run; others are served",
    async (kind) => {
      const { inner, runs, letGo } = held();
      const at = await server({ kind, inner, limits: { maxRequestsPerPeer: 2 } });
      const [alice, bob] = [client(at), client(at, { as: at.bob })];
      const calls = [callTool(alice, at.url, "x"), callTool(alice, at.url, "x")];
      await expect.poll(runs).toBe(2);
      const refused = await callTool(alice, at.url, "x").catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "ERR_REQUEST_REFUSED", action: "retry" });
      expect(runs()).toBe(2);
      expect(at.refused).toEqual(["ERR_BUSY", "ERR_BUSY"]);
      const his = callTool(bob, at.url, "x");
      await expect.poll(runs).toBe(3);
      letGo();
      expect(await Promise.all([...calls, his])).toEqual(["done", "done", "done"]);
      const again = callTool(alice, at.url, "x");
      await expect.poll(runs).toBe(4);
      letGo();
      expect(await again).toBe("done");
    },
  );

  test("a call that found no place is made once more by itself, and runs once", async () => {
    const { inner, runs, letGo } = held();
    const at = await server({ inner, limits: { maxRequests: 1 } });
    const alice = client(at);
    const first = callTool(alice, at.url, "x");
    await expect.poll(runs).toBe(1);
    const second = callTool(alice, at.url, "x");
    await expect.poll(() => at.refused).toEqual(["ERR_BUSY"]);
    letGo();
    expect(await first).toBe("done");
    await expect.poll(runs).toBe(2);
    letGo();
    expect(await second).toBe("done");
    expect(at.refused).toEqual(["ERR_BUSY"]);
  });

  test("who leaves holds its place until its handler is done: leaving and coming back multiplies nothing", async () => {
    const { inner, runs, letGo } = held();
    const at = await server({ inner, limits: { maxRequestsPerPeer: 1 } });
    const alice = client(at);
    const gone = new AbortController();
    const first = callTool(alice, at.url, "x", {}, { signal: gone.signal }).catch((error: unknown) => error);
    await expect.poll(runs).toBe(1);
    gone.abort();
    await first;
    expect(await codeOf(callTool(alice, at.url, "x"))).toBe("ERR_REQUEST_REFUSED");
    expect(runs()).toBe(1);
    letGo();
    const next = callTool(alice, at.url, "x");
    await expect.poll(runs).toBe(2);
    letGo();
    expect(await next).toBe("done");
  });
});

describe("streams [REQ-LIMITS]", () => {
  test.each(["node", "fetch"] as const)(
    "%s: a peer opens so many and no more, until one ends",
    async (kind) => {
      const { inner, left } = held();
      const at = await server({ kind, inner, limits: { maxStreamsPerPeer: 2 } });
      const [alice, bob] = [client(at), client(at, { as: at.bob })];
      const [first] = [await get(alice, at.url), await get(alice, at.url)];
      expect(await codeOf(get(alice, at.url))).toBe("ERR_REQUEST_REFUSED");
      await get(bob, at.url);
      await first.cancel();
      await expect.poll(left).toBe(1);
      await expect.poll(() => get(alice, at.url).then(() => "", codeFrom)).toBe("");
    },
  );

  test.each(["node", "fetch"] as const)(
    "%s: one on which nothing is sent is cut, never ended in order, and its handler is told",
    async (kind) => {
      const { inner, left } = held();
      const at = await server({ kind, inner, limits: { streamIdleMs: 120 } });
      const reader = await get(client(at), at.url);
      await expect(reader.read()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) as string });
      await expect.poll(left).toBe(1);
    },
  );

  test("revoking a key cuts its open streams, though nothing was to be sent on them", async () => {
    const { inner, left } = held();
    const at = await server({ inner, limits: { streamIdleMs: 400 } });
    const reader = await get(client(at), at.url);
    expect(
      await at.handler.revoke(
        at.handshakes.map((event) => (event.outcome === "accepted" ? event.peer?.keyId : "")).join("") ?? "",
      ),
    ).toBe(1);
    await expect(reader.read()).rejects.toThrow();
    expect(left()).toBe(1);
  });

  test("what flows on a stream keeps its session in use", async () => {
    let sent = 0;
    const inner: WebHandler = {
      fetch: () => {
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            sent += 1;
            if (sent > 30) controller.close();
            else controller.enqueue(Buffer.from("data: {}\n\n"));
          },
        });
        return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
      },
    };
    const at = await server({ inner, limits: { idleMs: 400 } });
    const response = await send(client(at), at.url, "tools/call");
    expect((await response.text()).split("data: {}")).toHaveLength(31);
  });

  test("a client that takes nothing of its answer loses it, and its place", async () => {
    const part = Buffer.alloc(16_384, 0x2e);
    let cancelled = 0;
    const inner: WebHandler = {
      fetch: () => {
        const body = new ReadableStream({
          pull: (controller) => controller.enqueue(part),
          cancel: () => void (cancelled += 1),
        });
        return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
      },
    };
    const at = await server({ inner, limits: { stallMs: 150, maxRequestsPerPeer: 1, maxStreamsPerPeer: 1 } });
    const response = await send(client(at), at.url, "tools/call");
    const reader = response.body!.getReader();
    await reader.read();
    await expect.poll(() => cancelled, { timeout: 5000 }).toBe(1);
    await expect(
      (async () => {
        for (;;) if ((await reader.read()).done) return "an orderly end";
      })(),
    ).rejects.toThrow();
  });
});

test("TrustedMcpServer.listen bounds its connections: one that says nothing is closed [REQ-LIMITS]", async () => {
  const mcp = new TrustedMcpServer(
    { name: "quiet", version: "1.0.0" },
    { identity: person("quiet").identity, clients: pinnedPeers([]) },
  );
  const listening = await mcp.listen({ http: { headersTimeoutMs: 50, maxConnections: 1 } });
  open.push(listening);
  const { port } = new URL(listening.url);
  const first = connect(Number(port), "127.0.0.1")
    .on("error", () => undefined)
    .resume();
  await once(first, "connect");
  const second = connect(Number(port), "127.0.0.1")
    .on("error", () => undefined)
    .resume();
  await once(second, "close");
  await once(first, "close");
});

describe("what nobody comes back for", () => {
  test("sessions are forgotten after their idle time, also when nobody comes after them [REQ-LIMITS]", async () => {
    const at = await server({ limits: { idleMs: 200 } });
    await Promise.all(Array.from({ length: 5 }, () => client(at).session()));
    expect(at.handler.sessions).toBe(5);
    await expect.poll(() => at.handler.sessions).toBe(0);
  });
});

describe("bodies of strangers [REQ-LIMITS]", () => {
  test("a handshake is small: 64 KiB at most, where no evidence is wanted", async () => {
    const at = await server({});
    const body = encodeHandshakeRequest("x", new Uint8Array(60_000));
    expect((await rawRequest(at.url, { headers: { "content-type": "application/json" }, body })).status).toBe(
      422,
    );
    expect(at.refused).toEqual(["ERR_BODY_TOO_LARGE"]);
  });

  test("and as large as evidence is, where it is wanted", async () => {
    const appraiser = {
      types: ["sample"],
      appraise: () => Promise.resolve({ status: "affirming" as const }),
    };
    const at = await server({ appraiser, limits: { maxMessageBytes: 1000 } });
    const body = encodeHandshakeRequest("x", new Uint8Array(1_000_000));
    expect((await rawRequest(at.url, { headers: { "content-type": "application/json" }, body })).status).toBe(
      422,
    );
    expect(at.refused).not.toContain("ERR_BODY_TOO_LARGE");
  });

  test("large ones that never end hold no more than their share, and small calls pass", async () => {
    const at = await server({ limits: { maxBufferedBytes: 1 }, bodyTimeoutMs: 400 });
    const { hostname, port } = new URL(at.url);
    const sockets: Socket[] = [];
    for (let index = 0; index < 5; index += 1) {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(
        "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/trusted-mcp\r\nContent-Length: 4000000\r\n\r\nhalf",
      );
      sockets.push(socket);
    }
    const alice = client(at);
    expect(await callTool(alice, at.url, "echo", { text: "small" })).toBe("small");
    await Promise.all(sockets.map((socket) => once(socket, "close")));
    // What had room took too long to come; what had none waited as long.
    expect(new Set(at.refused)).toEqual(new Set(["ERR_BODY_BUSY", "ERR_BODY_TIMEOUT"]));
    const text = "x".repeat(3_000_000);
    expect(await callTool(alice, at.url, "echo", { text })).toHaveLength(text.length);
  });
});

describe("behind a proxy [REQ-LIMITS]", () => {
  const handshakes = { handshakeLimit: { burst: 2, perSecond: 0.001, totalBurst: 100 } };
  const attempt = async (at: TestServer, address: string): Promise<string> => {
    const fetch = client(at, { outerHeaders: { "x-forwarded-for": address } });
    return await fetch.session().then(() => "", codeFrom);
  };

  test("clients are limited one by one if it is trusted", async () => {
    const at = await server({ ...handshakes, trustProxy: ["127.0.0.1"] });
    const codes: string[] = [];
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"])
      codes.push(await attempt(at, address));
    expect(codes).toEqual(["", "", "ERR_NOT_TRUSTED", ""]);
    expect(at.handshakes.map(({ source }) => source)).toContain("192.0.2.2");
  });

  test("and else the field, which anybody can write, buys nothing", async () => {
    const at = await server(handshakes);
    const codes: string[] = [];
    for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) codes.push(await attempt(at, address));
    expect(codes).toEqual(["", "", "ERR_NOT_TRUSTED"]);
  });
});
