import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { finished } from "node:stream/promises";
import { directIdentity, keySigner, pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { afterEach, describe, expect, test } from "vitest";
import type { TrustedClientOptions } from "../client/options.ts";
import { trustedFetch, type TrustedFetch } from "../client/trusted-fetch.ts";
import type { NodeListener } from "./behind-listener.ts";
import { trustedListener, type TrustedListener, type TrustedListenerOptions } from "./listener.ts";

const AUDIENCE = "https://tools.example/mcp";

function person(): { identity: ReturnType<typeof directIdentity>; publicKey: never } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { identity: directIdentity(keySigner(privateKey)), publicKey: publicKey as never };
}

const alice = person();
const tools = person();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Served {
  readonly url: string;
  readonly fetch: TrustedFetch;
  readonly sealed: TrustedListener;
  /** Codes of what the listener's `onerror` heard. */
  readonly errors: string[];
  readonly call: (init?: RequestInit) => Promise<Response>;
}

interface Extra {
  readonly client?: Partial<TrustedClientOptions>;
}

async function serve(
  listener: NodeListener,
  options: Partial<TrustedListenerOptions> & Extra = {},
): Promise<Served> {
  const { client, ...rest } = options;
  const errors: string[] = [];
  const sealed = trustedListener(listener, {
    path: "/mcp",
    identity: tools.identity,
    clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
    audience: AUDIENCE,
    onerror: (error) => void errors.push(error instanceof TrustedMcpError ? error.code : String(error)),
    onHandshake: () => undefined,
    ...rest,
  });
  const http = createServer((request, response) => void sealed.node(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const fetch = trustedFetch({
    url,
    identity: alice.identity,
    server: pinnedServer(tools.publicKey, "tools"),
    audience: AUDIENCE,
    ...client,
  });
  closing.push(async () => {
    await fetch.close();
    sealed.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return { url, fetch, sealed, errors, call: (init) => fetch(url, { method: "POST", body: "{}", ...init }) };
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
};

/** A plain request, as anybody can send one. */
function plain(url: string, method = "POST", path?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      { method, agent: false, ...(path !== undefined && { path }) },
      (answer) => {
        void bodyOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    request.once("error", reject);
    request.end(method === "POST" ? '{"jsonrpc":"2.0","method":"ping","id":1}' : "");
  });
}

describe("the request that a wrapped listener sees [REQ-LISTENER]", () => {
  test("holds what was sealed and nothing of the outer request", async () => {
    const seen: Record<string, unknown>[] = [];
    const { fetch, url } = await serve(
      async (request, response) => {
        const { method, headers, rawHeaders, httpVersion, complete } = request;
        seen.push({ method, url: request.url, headers, rawHeaders, httpVersion, complete });
        response.end(await bodyOf(request));
      },
      {
        client: {
          outerHeaders: {
            cookie: "outer=1",
            authorization: "Bearer OUTER",
            "x-outer": "1",
            "x-forwarded-for": "6.6.6.6",
          },
        },
      },
    );
    const sealed = { "x-sealed": "yes", authorization: "Bearer inner", "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers: sealed, body: '{"ä":1}' });
    expect(await answer.text()).toBe('{"ä":1}');
    expect(seen[0]).toMatchObject({ method: "POST", url: "/mcp", httpVersion: "1.1" });
    expect(seen[0]?.["headers"]).toEqual({ host: "tools.example", ...sealed, "content-length": "8" });
    expect(JSON.stringify(seen)).not.toMatch(/outer|6\.6\.6\.6/i);
  });

  test("has no field about a connection, a proxy or a length that the client only claims", async () => {
    const { fetch, url } = await serve((request, response) => response.end(JSON.stringify(request.headers)));
    const headers = {
      host: "evil.example",
      connection: "upgrade",
      upgrade: "websocket",
      expect: "100-continue",
      te: "trailers",
      trailer: "x",
      "content-length": "99999",
      "transfer-encoding": "chunked",
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-proto": "https",
      "x-real-ip": "10.0.0.1",
      forwarded: "for=10.0.0.1",
      "x-kept": "1",
    };
    const answer = await fetch(url, { method: "POST", headers, body: "abc" });
    expect(await answer.json()).toEqual({ host: "tools.example", "content-length": "3", "x-kept": "1" });
  });

  test("has the verified peer as auth, and only the channel's own code can put one there", async () => {
    const { call, url } = await serve((request, response) => {
      const { auth } = request as {
        auth?: { clientId: string; token: string; extra: Record<string, unknown> };
      };
      response.end(JSON.stringify([auth?.clientId, auth?.token, Object.keys(auth?.extra ?? {})]));
    });
    const headers = { auth: '{"clientId":"root"}', "x-trusted-mcp-peer": "root" };
    expect(await (await call({ headers })).json()).toEqual(["alice", "", ["trustedMcp"]]);
    expect((await plain(url)).status).toBe(422);
    expect((await plain(url, "POST", "/other")).text).toBe("[null,null,[]]");
  });

  test("keeps the peer beside the token that middleware verified, whatever the token says", async () => {
    interface Info {
      clientId: string;
      extra?: { trustedMcp?: unknown; sub?: string };
    }
    const listener: NodeListener = (request, response) => {
      const message = request as IncomingMessage & { auth?: unknown };
      message.auth = { token: "t", clientId: "oauth", scopes: [], extra: { sub: "x", trustedMcp: "forged" } };
      const info = message.auth as Info;
      const name = (info.extra?.trustedMcp as { peer?: { name?: string } } | undefined)?.peer?.name;
      message.auth = undefined;
      response.end(
        JSON.stringify([
          info.clientId,
          info.extra?.sub,
          name ?? info.extra?.trustedMcp ?? null,
          message.auth,
        ]),
      );
    };
    const known = await serve(listener);
    expect(await (await known.call()).json()).toEqual(["oauth", "x", "alice", null]);
    const open = await serve(listener, { clientAuth: "optional" });
    const anonymous = trustedFetch({
      url: open.url,
      server: pinnedServer(tools.publicKey, "tools"),
      audience: AUDIENCE,
    });
    expect(await (await anonymous(open.url, { method: "POST", body: "" })).json()).toEqual([
      "oauth",
      "x",
      null,
      null,
    ]);
    await anonymous.close();
  });

  test("without a path everything is sealed, and the URL is the audience's", async () => {
    let calls = 0;
    const { url, call } = await serve(
      (request, response) => {
        calls += 1;
        response.end(request.url);
      },
      { path: undefined as never },
    );
    expect(await (await call()).text()).toBe("/mcp");
    for (const path of ["/", "/mcp", "/other", "*"])
      expect((await plain(url, "POST", path)).status).toBe(422);
    expect(calls).toBe(1);
  });

  test("a body that the listener never reads is no trouble, and its request closes", async () => {
    const events: string[] = [];
    const { call, errors } = await serve((request, response) => {
      for (const event of ["aborted", "error", "end", "close"])
        request.once(event, () => events.push(`request ${event}`));
      for (const event of ["finish", "close"]) response.once(event, () => events.push(`response ${event}`));
      response.end("read nothing");
    });
    expect(await (await call({ body: "x".repeat(500_000) })).text()).toBe("read nothing");
    await expect
      .poll(() => events.toSorted())
      .toEqual(["request close", "request end", "response close", "response finish"]);
    expect(errors).toEqual([]);
  });
});

describe("plaintext and a wrapped listener [REQ-LISTENER, W23, W24]", () => {
  const SPELLINGS = [
    "/mcp",
    "/mcp/",
    "/MCP",
    "//mcp",
    "/mcp//",
    "/./mcp",
    "/a/../mcp",
    "/%6dcp",
    "/%6Dcp/",
    "/%256dcp",
    "/mcp?x=1",
    "/mcp#x",
    "/mcp;x=1",
    "/mcp/below",
    "/\\mcp",
    "http://tools.example/mcp",
    "HTTP://TOOLS.example:80/mcp/",
  ];

  test.each(SPELLINGS)("is refused before the listener sees it, also spelled %s", async (path) => {
    let calls = 0;
    const { url } = await serve((_, response) => {
      calls += 1;
      response.end();
    });
    for (const method of ["POST", "GET", "DELETE", "OPTIONS", "PUT", "HEAD"])
      expect((await plain(url, method, path)).status).toBe(422);
    expect(calls).toBe(0);
  });

  test("is refused too when a router that the listener is mounted in shortened the path", async () => {
    const { sealed } = await serve((_, response) => response.end("reached"));
    const http = createServer((request, response) => {
      Object.assign(request, { originalUrl: request.url, url: "/" });
      void sealed.node(request, response);
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    expect((await plain(url)).status).toBe(422);
    http.closeAllConnections();
    http.close();
  });

  test.each(["/", "/mcpx", "/x/mcp", "/.well-known/oauth-protected-resource/mcp", "/mc", "*"])(
    "passes to the listener unchanged elsewhere: %s",
    async (path) => {
      const { url } = await serve((request, response) => response.end(`${request.method} ${request.url}`));
      expect(await plain(url, "OPTIONS", path)).toEqual({ status: 200, text: `OPTIONS ${path}` });
    },
  );

  test("is served in prefer mode with its body, without a peer, and never a frame", async () => {
    const seen: string[] = [];
    const { url, call } = await serve(
      async (request, response) => {
        const auth = (request as { auth?: { clientId: string } }).auth?.clientId;
        seen.push(
          `${request.method} ${request.url} ${auth} ${request.headers["host"]} ${await bodyOf(request)}`,
        );
        response.end("ok");
      },
      { mode: "prefer" },
    );
    const { host } = new URL(url);
    await plain(url, "POST", "/mcp?q=1");
    await plain(url, "GET");
    await call();
    const frame = '{"jsonrpc":"2.0","id":1,"method":"trusted-mcp/1/record","params":{"h":"","c":""}}';
    const refused = await globalThis.fetch(url, { method: "POST", body: frame });
    expect(refused.status).toBe(422);
    expect(seen).toEqual([
      `POST /mcp?q=1 undefined ${host} {"jsonrpc":"2.0","method":"ping","id":1}`,
      `GET /mcp undefined ${host} `,
      "POST /mcp alice tools.example {}",
    ]);
  });

  test("in prefer mode keeps its connection, read or not, and hears of a client that leaves", async () => {
    const events: string[] = [];
    const { url } = await serve(
      (request, response) => {
        if (request.headers["x-wait"] === undefined) return void response.end("unread");
        request.once("aborted", () => events.push("aborted"));
        response.once("close", () => events.push(`close ${response.writableFinished}`));
        leave();
      },
      { mode: "prefer" },
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let leave = (): void => undefined;
    const send = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve) => {
        const request = httpRequest(url, { method: "POST", agent, headers }, (answer) => {
          answer.resume().once("end", () => resolve(request.socket?.localPort));
        });
        request.once("error", () => resolve(undefined));
        leave = () => request.destroy();
        request.end('{"jsonrpc":"2.0"}');
      });
    const ports = [await send({}), await send({}), await send({})];
    expect(new Set(ports).size).toBe(1);
    expect(await send({ "x-wait": "1" })).toBe(undefined);
    await expect.poll(() => events.toSorted()).toEqual(["aborted", "close false"]);
    agent.destroy();
  });

  test.each(["mcp", "", "/mcp?x", "https://tools.example/mcp", "/m cp"])(
    "a path that is none is refused when the listener is made: %s [ERR_CONFIGURATION]",
    async (path) => {
      await expect(serve(() => undefined, { path })).rejects.toMatchObject({ code: "ERR_CONFIGURATION" });
    },
  );
});

describe("what a wrapped listener writes [REQ-LISTENER]", () => {
  const forms: [string, (response: ServerResponse) => void][] = [
    ["setHeader", (r) => r.setHeader("x-a", "1").setHeader("set-cookie", ["a=1", "b=2"]).end("body")],
    [
      "writeHead with an object",
      (r) => r.writeHead(200, { "X-A": 1, "Set-Cookie": ["a=1", "b=2"] }).end("body"),
    ],
    [
      "writeHead with a reason",
      (r) => r.writeHead(200, "Fine", { "x-a": "1", "set-cookie": ["a=1", "b=2"] }).end("body"),
    ],
    [
      "writeHead with a flat list",
      (r) => r.writeHead(200, ["x-a", "1", "set-cookie", "a=1", "set-cookie", "b=2"]).end("body"),
    ],
    [
      "writeHead over setHeader",
      (r) => {
        r.setHeader("x-a", "0");
        r.writeHead(200, { "x-a": "1", "set-cookie": ["a=1", "b=2"] });
        r.end("body");
      },
    ],
    [
      "appendHeader, flushHeaders, write and end",
      (r) => {
        r.appendHeader("x-a", "1").appendHeader("set-cookie", "a=1").appendHeader("set-cookie", "b=2");
        r.flushHeaders();
        r.write("bo");
        r.end("dy");
      },
    ],
  ];

  test.each(forms)("arrives as written: %s", async (_, write) => {
    const { call } = await serve((__, response) => write(response));
    const answer = await call();
    expect([answer.headers.get("x-a"), answer.headers.getSetCookie()]).toEqual(["1", ["a=1", "b=2"]]);
    expect(await answer.text()).toBe("body");
  });

  test("has no field of a connection, also when the listener sets it, and no chunk marks in its body", async () => {
    const { call } = await serve((_, response) => {
      response.writeHead(200, { "transfer-encoding": "chunked", connection: "keep-alive", "x-a": "1" });
      response.write("no ");
      response.end("marks");
    });
    const answer = await call();
    expect([...answer.headers]).toEqual([["x-a", "1"]]);
    expect(await answer.text()).toBe("no marks");
  });

  test.each([204, 304])("with status %i has no body, as in Node", async (status) => {
    const { call, errors } = await serve((_, response) => {
      response.writeHead(status, { "x-a": "1" });
      response.write("must not");
      response.end("be seen");
    });
    const answer = await call();
    expect([answer.status, answer.headers.get("x-a"), await answer.text(), errors]).toEqual([
      status,
      "1",
      "",
      [],
    ]);
  });

  test("in interim answers is left out, and their callbacks are called", async () => {
    const { call } = await serve((_, response) => {
      response.writeContinue();
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload", "x\r\ninjected: 1\r\n\r\n": "1" }, () =>
        response.end("final"),
      );
    });
    const answer = await call();
    expect([answer.status, [...answer.headers], await answer.text()]).toEqual([200, [], "final"]);
  });

  test("calls back for each write, in order, and finishes", async () => {
    const events: string[] = [];
    const { call } = await serve((_, response) => {
      response.once("finish", () => events.push("finish"));
      response.once("close", () => events.push(`close ${response.writableFinished} ${response.destroyed}`));
      response.write("a", () => events.push("a"));
      response.write(Buffer.from("b"), () => events.push("b"));
      response.write("Yw==", "base64", () => events.push("c"));
      response.end("d", () => events.push("end"));
    });
    expect(await (await call()).text()).toBe("abcd");
    await expect.poll(() => events.at(-1)).toBe("close true true");
    expect(events.slice(0, 3)).toEqual(["a", "b", "c"]);
    expect(events).toContain("end");
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["a value with a line break", (r) => r.setHeader("x-a", "1\r\nx-injected: 1")],
    ["a name with a line break", (r) => r.setHeader("x-a\r\nx-injected", "1")],
    ["a list with a line break", (r) => r.writeHead(200, ["x-a", "1\r\nx-injected: 1"])],
    ["a reason with a line break", (r) => r.writeHead(200, "OK\r\nx-injected: 1")],
    ["a value that is cut to a line feed", (r) => r.setHeader("x-a", "1Ċx-injected: 1")],
    ["trailers, which an answer cannot have", (r) => r.writeHead(200, { trailer: "x-t" })],
    ["status 101", (r) => r.writeHead(101).end()],
    ["status 600", (r) => r.writeHead(600).end()],
  ])("is a sealed 500 and reported when it cannot be a head: %s", async (_, write) => {
    const { call, errors } = await serve((__, response) => {
      write(response);
      response.end("never");
    });
    const answer = await call();
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("never");
    expect(errors).toHaveLength(1);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["a value of 16,385 bytes", (r) => r.setHeader("x-a", "v".repeat(16_385))],
    ["65 fields", (r) => Array.from({ length: 65 }, (_, i) => r.setHeader(`x-${i}`, "v"))],
    [
      "70,000 bytes in all",
      (r) => Array.from({ length: 7 }, (_, i) => r.setHeader(`x-${i}`, "v".repeat(10_000))),
    ],
  ])("is a sealed 500 with a code when its head is too large: %s", async (_, write) => {
    let closed = 0;
    const { call, errors } = await serve((__, response) => {
      response.once("close", () => (closed += 1));
      write(response);
      response.write("begun");
    });
    expect((await call()).status).toBe(500);
    expect(errors).toEqual(["ERR_HEAD"]);
    await expect.poll(() => closed).toBe(1);
  });

  test("after the end is ignored, ended twice or written after it", async () => {
    const after: unknown[] = [];
    const { call, errors } = await serve((_, response) => {
      response.end("whole");
      response.end("again", () => after.push("called"));
      response.write("more", (error) => after.push((error as { code?: string } | undefined)?.code));
    });
    expect(await (await call()).text()).toBe("whole");
    await expect.poll(() => after).toHaveLength(2);
    expect(after).toContain("ERR_STREAM_WRITE_AFTER_END");
    expect(errors).toEqual([]);
  });
});

describe("a wrapped listener that fails [REQ-LISTENER]", () => {
  const failures: [string, NodeListener][] = [
    [
      "throws",
      () => {
        throw new Error("SECRET");
      },
    ],
    ["rejects", () => Promise.reject(new Error("SECRET"))],
    ["rejects with no error", () => Promise.reject("SECRET")], // oxlint-disable-line typescript/prefer-promise-reject-errors
    ["destroys the response", (_, response) => response.destroy()],
    ["destroys the request", (request) => request.destroy(new Error("SECRET"))],
    ["destroys the socket", (request) => request.socket.destroy(new Error("SECRET"))],
    ["lets the socket go soon", (request) => request.socket.destroySoon()],
    ["ends the socket", (request) => request.socket.end()],
    ["writes past the response", (request) => request.socket.end("no head\r\n")],
  ];

  test.each(failures)("before its head gives a sealed 500 that says nothing: %s", async (_, listener) => {
    const { call, errors } = await serve(listener);
    const answer = await call();
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("SECRET");
    expect(errors).toEqual([expect.stringMatching(/^(?:ERR_CLOSED|ERR_HEAD)$/)]);
  });

  test.each(failures)("in the middle of its answer is a cut, never a short answer: %s", async (_, fail) => {
    const { call } = await serve(async (request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      await new Promise((resolve) => setImmediate(resolve));
      await fail(request, response);
    });
    await expect(call().then((answer) => answer.text())).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/),
    });
  });

  test("a timeout that nobody hears closes the connection; one that is heard does not", async () => {
    const { call, errors } = await serve((request, response) => {
      if (request.headers["x-hear"] !== undefined) response.setTimeout(5, () => response.end("heard"));
      else response.setTimeout(5);
    });
    expect(await (await call({ headers: { "x-hear": "1" } })).text()).toBe("heard");
    expect((await call()).status).toBe(500);
    expect(errors).toEqual(["ERR_CLOSED"]);
  });
});

describe("a client that leaves a wrapped listener [REQ-LISTENER]", () => {
  test("before an answer closes request and response, as in Node", async () => {
    const events: string[] = [];
    const begun = new AbortController();
    const { call } = await serve((request, response) => {
      request.once("aborted", () => events.push("aborted"));
      request.once("error", (error) => events.push((error as { code?: string }).code ?? ""));
      response.once("close", () => events.push(`close ${response.writableFinished}`));
      begun.abort();
    });
    await expect(call({ body: "x".repeat(200_000), signal: begun.signal })).rejects.toThrow(/abort/i);
    await expect.poll(() => events.toSorted()).toEqual(["ECONNRESET", "aborted", "close false"]);
  });

  test("in the middle of a stream closes the response and lets its writer go", async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const { call } = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const timer = setInterval(() => response.write("data: 1\n\n"), 1);
      closed = finished(response).catch((error: unknown) => (error as { code?: string }).code);
      response.once("close", () => clearInterval(timer));
    });
    const reader = (await call()).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(await closed).toBe("ERR_STREAM_PREMATURE_CLOSE");
  });

  test("or reads slowly makes the listener wait: what is not read is not piled up", async () => {
    const PART = Buffer.alloc(65_536, "x");
    const PARTS = 512;
    let written = 0;
    let waits = 0;
    let waiting = (): void => undefined;
    const stalled = new Promise<void>((resolve) => (waiting = resolve));
    const { call } = await serve(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let part = 0; part < PARTS; part += 1) {
        written += 1;
        if (response.write(PART)) continue;
        expect(response.writableNeedDrain).toBe(true);
        waits += 1;
        const timer = setTimeout(waiting, 500);
        await once(response, "drain");
        clearTimeout(timer);
        expect(response.writableNeedDrain).toBe(false);
      }
      response.end();
    });
    const answer = await call();
    await stalled;
    expect(written).toBeLessThan(PARTS / 2);
    expect(waits).toBeGreaterThan(0);
    expect((await answer.arrayBuffer()).byteLength).toBe(PART.length * PARTS);
  });
});
