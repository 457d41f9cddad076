import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { trusted, TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { attackProxy } from "@trusted-mcp/testkit";
import { pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callTool, codeFrom, codeOf, fetchTo, send } from "./support/client.ts";
import { person } from "./support/people.ts";
import { onRecords, rawRequest, rawSocket } from "./support/raw.ts";
import { AUDIENCE, startServer, type TestServer } from "./support/server.ts";

const post = (length: string, type = "application/trusted-mcp"): string =>
  `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${length}\r\n\r\n`;

describe("request bodies", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ limits: { maxMessageBytes: 65_536 }, bodyTimeoutMs: 250 });
  });
  afterAll(() => server.close());

  test("declared too large: refused at once, none of it read [REQ-MITM-OVERSIZE, W30]", async () => {
    const { text, closed } = await rawSocket(server.url, post("Content-Length: 1000000000"), 20_000);
    expect(text).toMatch(/^HTTP\/1\.1 422 /);
    expect(text.toLowerCase()).toContain("connection: close");
    expect(closed).toBe(true);
    expect(server.refused).toContain("ERR_BODY_TOO_LARGE");
  });

  test("too large without saying so: refused when it is, and the connection ends [REQ-MITM-OVERSIZE, W30]", async () => {
    const { hostname, port } = new URL(server.url);
    const { taken, answer } = await new Promise<{ taken: number; answer: string }>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port) });
      const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, 65), Buffer.from("\r\n")]);
      let text = "";
      let sent = 0;
      const pump = (): void => {
        while (sent < 200_000_000 && socket.write(chunk)) sent += chunk.length;
      };
      socket.on("data", (part) => (text += part.toString("latin1")));
      socket.on("drain", pump);
      socket.once("error", () => undefined);
      socket.once("close", () => resolve({ taken: sent, answer: text }));
      socket.write(post("Transfer-Encoding: chunked"));
      pump();
    });
    // What the kernel's own buffers hold is not the server's memory.
    expect(taken).toBeLessThan(20_000_000);
    expect(answer === "" || answer.startsWith("HTTP/1.1 422 ")).toBe(true);
    expect(server.ledger.handled).toBe(0);
  });

  test("a body that drips is cut off in time, with the one refusal [REQ-MITM-SLOW]", async () => {
    const { hostname, port } = new URL(server.url);
    const started = performance.now();
    const text = await new Promise<string>((resolve) => {
      const socket = connect({ host: hostname, port: Number(port) });
      let answer = "";
      socket.write(post("Content-Length: 1000"));
      const drip = setInterval(() => socket.write("A"), 20);
      socket.on("data", (part) => (answer += part.toString("latin1")));
      socket.once("error", () => undefined);
      socket.once("close", () => {
        clearInterval(drip);
        resolve(answer);
      });
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(text).toMatch(/^HTTP\/1\.1 422 /);
    expect(server.refused).toContain("ERR_BODY_TIMEOUT");
  });

  test("a body whose sender leaves is forgotten", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(`${post("Content-Length: 1000")}half`);
      setTimeout(() => socket.destroy(), 20);
    });
    await new Promise((resolve) => socket.once("close", resolve));
    await expect.poll(() => server.refused).toContain("ERR_CLOSED");
  });

  test("on the web-standard face: too large and too slow end alike [REQ-MITM-OVERSIZE, REQ-MITM-SLOW]", async () => {
    const refused: string[] = [];
    const handler = trusted(
      { fetch: () => Promise.reject(new Error("never called")) },
      {
        identity: server.server.identity,
        clients: server.clients,
        audience: AUDIENCE,
        limits: { maxMessageBytes: 65_536 },
        bodyTimeoutMs: 100,
        onerror: (error) => void refused.push(codeFrom(error)),
      },
    );
    const request = (body: ReadableStream): Request =>
      new Request(AUDIENCE, {
        method: "POST",
        headers: { "content-type": "application/trusted-mcp" },
        body,
        duplex: "half",
      } as RequestInit);
    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect((await handler.fetch(request(endless))).status).toBe(422);
    expect(pulled).toBeLessThan(1_000_000);
    const started = performance.now();
    expect((await handler.fetch(request(new ReadableStream({})))).status).toBe(422);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(refused).toEqual(["ERR_BODY_TOO_LARGE", "ERR_BODY_TIMEOUT"]);
  });

  test("headers that drip end with Node's own limit, which nothing here switches off [REQ-MITM-SLOW]", async () => {
    const http = createServer(
      { headersTimeout: 150, connectionsCheckingInterval: 50 },
      (request, response) => {
        void server.handler.node(request, response);
      },
    );
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as AddressInfo;
    const { text, closed } = await rawSocket(
      `http://127.0.0.1:${port}/mcp`,
      "POST /mcp HTTP/1.1\r\nHost: x\r\nA:",
      20_000,
    );
    expect(closed).toBe(true);
    expect(text).not.toContain(" 200 ");
    http.close();
  });

  test.each([
    ["two lengths", "Content-Length: 5\r\nContent-Length: 50", "AAAAA"],
    [
      "a length and chunks",
      "Content-Length: 5\r\nTransfer-Encoding: chunked",
      "0\r\n\r\nPOST /mcp HTTP/1.1\r\n\r\n",
    ],
    ["a length that is none", "Content-Length: +5", "AAAAA"],
    ["a folded field", "X: a\r\n b: c\r\nContent-Length: 0", ""],
    ["a bare line feed in a field", "X: a\nContent-Length: 0", ""],
    ["a space before the colon", "Content-Length : 5", "AAAAA"],
    ["a null in a field", "X: a\0b\r\nContent-Length: 0", ""],
    ["chunks with extensions and garbage", "Transfer-Encoding: chunked", "5;x=\0\r\nAAAAA\r\nzz\r\n"],
  ])("smuggled framing reaches nothing: %s [REQ-MITM-OUTER]", async (_, fields, body) => {
    const before = server.ledger.handled;
    const { text } = await rawSocket(server.url, post(fields) + body, 600);
    for (const status of text.matchAll(/HTTP\/1\.1 (\d+)/g))
      expect(["400", "422", "408"]).toContain(status[1]);
    expect(server.ledger.handled).toBe(before);
  });
});

describe("messages at the limit", () => {
  test("4 MiB in and 4 MiB out pass; one byte more is refused before it is sent", async () => {
    const server = await startServer();
    const fetch = fetchTo(server);
    const head = 300;
    const text = "x".repeat(4 * 1024 * 1024 - 1024 - head);
    expect(await callTool(fetch, server.url, "echo", { text })).toHaveLength(text.length);
    const code = await codeOf(callTool(fetch, server.url, "echo", { text: "x".repeat(4 * 1024 * 1024) }));
    expect(code).toBe("ERR_RECORD_TOO_LARGE");
    expect(await callTool(fetch, server.url, "echo", { text: "after" })).toBe("after");
    await fetch.close();
    await server.close();
  });

  test("a whole answer above the client's limit is refused; a stream is read as it comes [W30]", async () => {
    const server = await startServer({ kind: "lane" });
    const fetch = fetchTo(server, server.url, { maxResponseBytes: 100_000 });
    const code = await codeOf(callTool(fetch, server.url, "make", { bytes: 2_000_000 }));
    expect(code).toBe("ERR_RESPONSE_TOO_LARGE");
    expect(await callTool(fetch, server.url, "make", { bytes: 50_000 })).toHaveLength(50_000);
    await fetch.close();
    await server.close();
  });
});

describe("answers without end, from somebody in between", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  /** Large parts as fast as they are taken, small ones at a pace that leaves others a turn. */
  async function* forever(part: Uint8Array): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield part;
      if (part.length < 100) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  test.each([
    ["JSON", "application/json", Buffer.alloc(65_536, 0x20), "ERR_RESPONSE_TOO_LARGE"],
    ["binary", "application/trusted-mcp", Buffer.alloc(65_536, 0x11), "ERR_MALFORMED"],
    [
      "comments of an event stream, until the caller has enough",
      "text/event-stream",
      Buffer.from(": ping\n\n"),
      "AbortError",
    ],
    ["one event", "text/event-stream", Buffer.alloc(65_536, 0x61), "ERR_RECORD_TOO_LARGE"],
  ])("%s: refused, memory bounded [REQ-MITM-OVERSIZE, W30]", async (_, type, part, expected) => {
    const proxy = await attackProxy(server.url);
    const fetch = fetchTo(server, proxy.url, { maxResponseBytes: 1_000_000 });
    await fetch.session();
    proxy.attack((passage) => passage.reply({ headers: { "content-type": type }, body: forever(part) }));
    // Only for what nothing else ends.
    const signal = AbortSignal.timeout(expected === "AbortError" ? 400 : 20_000);
    const outcome = await callTool(fetch, proxy.url, "mark", { nonce: "endless" }, { signal }).catch(
      (error: Error) => (signal.aborted ? "AbortError" : codeFrom(error)),
    );
    expect(outcome).toBe(expected);
    proxy.cutAll();
    await proxy.close();
  });

  test("in the handshake too [REQ-MITM-OVERSIZE]", async () => {
    const proxy = await attackProxy(server.url);
    const codes: string[] = [];
    for (const status of [200, 500]) {
      proxy.attack((passage) =>
        passage.reply({
          status,
          headers: { "content-type": "application/json" },
          body: forever(Buffer.alloc(65_536, 0x20)),
        }),
      );
      const fetch = fetchTo(server, proxy.url);
      codes.push(await codeOf(fetch.session()));
      await fetch.close();
    }
    expect(codes).toEqual(["ERR_RESPONSE_TOO_LARGE", "ERR_NOT_TRUSTED"]);
    await proxy.close();
  });

  test("a handshake that is never answered, or drips, ends in time [REQ-MITM-SLOW]", async () => {
    const proxy = await attackProxy(server.url);
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield Buffer.from(" ");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    for (const attack of [
      () => new Promise<void>(() => undefined),
      (passage: {
        reply: (reply: { headers: Record<string, string>; body: AsyncIterable<Uint8Array> }) => Promise<void>;
      }) => passage.reply({ headers: { "content-type": "application/json" }, body: slow() }),
    ]) {
      proxy.attack(attack);
      const fetch = fetchTo(server, proxy.url, { handshakeTimeoutMs: 200 });
      const started = performance.now();
      expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "slow" }))).toBe(
        "ERR_HANDSHAKE_TIMEOUT",
      );
      expect(performance.now() - started).toBeLessThan(10_000);
      await fetch.close();
    }
    await proxy.close();
  });

  test("an answer that is held back ends when its caller gives up, and the rest goes on", async () => {
    const proxy = await attackProxy(server.url);
    const fetch = fetchTo(server, proxy.url);
    await fetch.session();
    proxy.attackNext(() => new Promise<void>(() => undefined));
    await expect(
      callTool(fetch, proxy.url, "mark", { nonce: "held" }, { signal: AbortSignal.timeout(100) }),
    ).rejects.toThrow(/abort|timeout/i);
    expect(await callTool(fetch, proxy.url, "mark", { nonce: "next" })).toBe("marked next");
    await fetch.close();
    await proxy.close();
  });
});

describe("answers that are no HTTP", () => {
  /** Answers every connection with the same bytes, whatever was asked. */
  async function bluntServer(bytes: string | Uint8Array): Promise<{ url: string; server: Server }> {
    const server = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/mcp`, server };
  }

  test.each([
    ["garbage", "\0\x01\x02 garbage\r\n\r\n"],
    ["nothing", ""],
    ["half a status line", "HTTP/1.1 2"],
    [
      "another protocol is offered",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nx",
    ],
    ["fields without end", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(20_000)}\r\n`],
    ["one endless field", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(200_000)}\r\n\r\n`],
    ["interim answers only", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    [
      "a body shorter than it says",
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}",
    ],
    [
      "a broken chunk",
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
  ])("%s: a code, and no uncaught error [W29]", async (_, bytes) => {
    const { url, server } = await bluntServer(bytes);
    const fetch = trustedFetch({
      url,
      identity: person("alice").identity,
      server: pinnedServer(person("tools").publicKey),
      handshakeTimeoutMs: 2000,
    });
    expect(["ERR_UNREACHABLE", "ERR_NOT_TRUSTED"]).toContain(await codeOf(fetch.session()));
    await fetch.close();
    server.close();
  });

  test("nobody listens: said so, and worth trying again", async () => {
    const { url, server } = await bluntServer("");
    await new Promise((resolve) => server.close(resolve));
    const fetch = trustedFetch({
      url,
      identity: person("a").identity,
      server: pinnedServer(person("b").publicKey),
    });
    await expect(fetch.session()).rejects.toMatchObject({ code: "ERR_UNREACHABLE", action: "retry" });
    await fetch.close();
  });
});

describe("strangers", () => {
  test("flood the server with garbage: it signs nothing, keeps nothing, and serves its clients [W28, W29]", async () => {
    let signed = 0;
    const tools = person("tools");
    const counting = {
      types: tools.identity.types,
      current: (...args: Parameters<typeof tools.identity.current>) => {
        signed += 1;
        return tools.identity.current(...args);
      },
    };
    const server = await startServer({ server: tools, identity: counting });
    const types = ["application/json", "application/trusted-mcp", "text/plain"];
    await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const body = Buffer.from(Array.from({ length: index }, (_, at) => (at * 31 + index) % 256));
        const { status } = await rawRequest(server.url, {
          headers: { "content-type": types[index % 3] ?? "" },
          body,
        });
        expect(status).toBe(422);
      }),
    );
    expect(signed).toBe(0);
    expect(server.handler.sessions).toBe(0);
    const fetch = fetchTo(server);
    expect(await callTool(fetch, server.url, "mark", { nonce: "served" })).toBe("marked served");
    expect(signed).toBe(1);
    await fetch.close();
    await server.close();
  });

  test("an address that starts too many handshakes is held off, and told no more than others [REQ-OUTER-ERROR]", async () => {
    const server = await startServer({ handshakeLimit: { burst: 3, perSecond: 0.001 } });
    const clients = Array.from({ length: 5 }, () => fetchTo(server));
    const codes: string[] = [];
    for (const fetch of clients) codes.push(await fetch.session().then(() => "", codeFrom));
    expect(codes).toEqual(["", "", "", "ERR_NOT_TRUSTED", "ERR_NOT_TRUSTED"]);
    expect(server.refused).toEqual(expect.arrayContaining(["ERR_RATE_LIMITED"]));
    for (const fetch of clients) await fetch.close();
    await server.close();
  });
});

describe("a slow reader", () => {
  test("stops the source of a stream, so that nothing piles up", async () => {
    let produced = 0;
    const part = Buffer.from(`data: ${"x".repeat(65_000)}\n\n`);
    const inner = {
      fetch: () =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              pull: (controller) => {
                produced += 1;
                if (produced > 5000) controller.close();
                else controller.enqueue(part);
              },
            }),
            { headers: { "content-type": "text/event-stream" } },
          ),
        ),
    };
    for (const kind of ["node", "fetch"] as const) {
      produced = 0;
      const server = await startServer({ kind, inner });
      const fetch = fetchTo(server);
      const response = await send(fetch, server.url, "tools/call");
      const reader = response.body?.getReader();
      await reader?.read();
      // Socket buffers of both ends fill; then it stands still, far from the 325 MB it has to give.
      for (let early = -1; produced !== early && produced < 5000;) {
        early = produced;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect(produced).toBeLessThan(1000);
      await reader?.cancel();
      await fetch.close();
      await server.close();
    }
  });

  test("makes a tool wait that awaits its notifications (TrustedMcpServer)", async () => {
    let sent = 0;
    const tools = person("tools");
    const alice = person("alice");
    const mcp = new TrustedMcpServer(
      { name: "flood", version: "1.0.0" },
      { identity: tools.identity, clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]) },
    );
    mcp.registerTool("flood", {}, async (ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken ?? "";
      for (; sent < 5000; sent += 1) {
        const params = { progressToken, progress: sent, message: "x".repeat(65_000) };
        await ctx.mcpReq.notify({ method: "notifications/progress", params });
      }
      return { content: [] };
    });
    const listening = await mcp.listen();
    const fetch = trustedFetch({
      url: listening.url,
      identity: alice.identity,
      server: pinnedServer(tools.publicKey),
    });
    const params = { name: "flood", arguments: {}, _meta: { progressToken: "t" } };
    const response = await send(fetch, listening.url, "tools/call", params);
    const reader = response.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(sent).toBeLessThan(1000);
    await reader?.cancel();
    await fetch.close();
    await listening.close();
  });
});

test("a record attack that costs the client its session costs nobody a thing (control)", async () => {
  const server = await startServer();
  const proxy = await attackProxy(server.url);
  const fetch = fetchTo(server, proxy.url);
  proxy.attack(onRecords((passage) => Promise.resolve(passage.cut())));
  expect(await codeOf(callTool(fetch, proxy.url, "mark", { nonce: "c" }))).toBe("ERR_OUTCOME_UNKNOWN");
  proxy.attack(null);
  expect(await callTool(fetch, proxy.url, "mark", { nonce: "c" })).toBe("marked c");
  await fetch.close();
  await proxy.close();
  await server.close();
});
