import { afterEach, describe, expect, it } from "vitest";
import { authInfo, eventually, memoryLog } from "../../../test/serve/front.ts";
import { call, events, fake, INITIALIZE, open, post, request, send } from "../../../test/serve/talk.ts";
import type { ServeLimits } from "../limits.ts";
import type { StdioHandler } from "./stdio-handler.ts";

let handler: StdioHandler | undefined;
afterEach(async () => {
  await handler?.close();
  handler = undefined;
});

function start(mode = "plain", limits: Partial<ServeLimits> = {}, log = memoryLog()): StdioHandler {
  handler = fake(mode, limits, log);
  return handler;
}

describe("a session up to 2025-11-25 (MCP §transports, Streamable HTTP)", () => {
  it("answers initialize with a session id, and a call with plain JSON when nothing comes before it", async () => {
    const server = start();
    const first = await post(server, INITIALIZE);
    expect(first.status).toBe(200);
    expect(first.headers.get("content-type")).toBe("application/json");
    const session = first.headers.get("mcp-session-id")!;
    expect(session).toMatch(/^[\x21-\x7e]{36}$/);
    expect(await first.json()).toMatchObject({ id: "init", result: { protocolVersion: "2025-11-25" } });
    const answer = await post(server, call(1, "fake/echo", { a: 1 }), { session });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toMatchObject({ id: 1, result: { params: { a: 1 } } });
  });

  it("gives a session that asks again its own process, and ends it on DELETE", async () => {
    const server = start();
    const [one, two] = [await open(server), await open(server)];
    const pidOf = async (session: string): Promise<number> =>
      (await (await post(server, call(1, "fake/echo"), { session })).json()).result.pid;
    expect(await pidOf(one)).not.toBe(await pidOf(two));
    expect((await send(server, "DELETE", { session: one })).status).toBe(200);
    expect((await post(server, call(2, "ping"), { session: one })).status).toBe(404);
    await eventually(() => server.processes === 1, "the process of the closed session ends");
    expect((await post(server, call(2, "ping"), { session: two })).status).toBe(200);
  });

  it("passes text on untouched: numbers that JavaScript would round arrive as sent", async () => {
    const server = start();
    const session = await open(server);
    const gone = new AbortController();
    const hanging = post(
      server,
      '{\n "jsonrpc":"2.0", "id":5,\n "method":"fake/hang","params":{"n":12345678901234567890}}',
      { session, signal: gone.signal },
    );
    const { result } = await (await post(server, call(6, "fake/seen"), { session })).json();
    gone.abort();
    expect((await hanging).status).toBe(499);
    expect(result.seen.at(-2)).toBe(
      '{  "jsonrpc":"2.0", "id":5,  "method":"fake/hang","params":{"n":12345678901234567890}}',
    );
  });

  it("becomes an event stream when progress and logs come before the answer", async () => {
    const server = start();
    const session = await open(server);
    const response = await post(server, call(1, "fake/progress", { _meta: { progressToken: "t" } }), {
      session,
    });
    expect(await events(response).rest()).toMatchObject([
      { method: "notifications/progress", params: { progressToken: "t" } },
      { method: "notifications/message" },
      { id: 1, result: { done: true } },
    ]);
  });

  it("brings each call its own progress", async () => {
    const server = start();
    const session = await open(server);
    const ask = (id: number): Promise<Response> =>
      post(server, call(id, "fake/progress", { ms: 60, _meta: { progressToken: id } }), { session });
    const all = await Promise.all(
      [ask(1), ask(2), ask(3)].map(async (response) => events(await response).rest()),
    );
    const tokens = all.map((seen) =>
      seen
        .filter(({ method }) => method === "notifications/progress")
        .map(({ params }) => params.progressToken),
    );
    expect(tokens).toEqual([[1], [2], [3]]);
  });

  it("drops progress for a token that no call has", async () => {
    const server = start();
    const session = await open(server);
    const response = await post(server, call(1, "fake/stale-progress"), { session });
    expect(await response.json()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  });

  it("carries a request of the server to the client and the answer back, posted answers getting 202", async () => {
    const server = start();
    const session = await open(server);
    const stream = events(await post(server, call(1, "fake/ask"), { session }));
    expect(await stream.take()).toMatchObject({ id: "ask-1", method: "roots/list" });
    const posted = await post(server, { jsonrpc: "2.0", id: "ask-1", result: { roots: [] } }, { session });
    expect([posted.status, await posted.text()]).toEqual([202, ""]);
    expect(await stream.take()).toMatchObject({ id: 1, result: { answered: { roots: [] } } });
  });

  it("does not pass on an answer to something the server never asked", async () => {
    const server = start();
    const session = await open(server);
    expect((await post(server, { jsonrpc: "2.0", id: "made-up", result: {} }, { session })).status).toBe(202);
    const { result } = await (await post(server, call(1, "fake/seen"), { session })).json();
    expect(result.seen.join()).not.toContain("made-up");
  });

  it("sends what belongs to no call to the GET stream, and refuses a second one with 409", async () => {
    const server = start();
    const session = await open(server);
    const stream = events(await send(server, "GET", { session }));
    expect((await send(server, "GET", { session })).status).toBe(409);
    expect(await (await post(server, call(1, "fake/changed"), { session })).json()).toMatchObject({ id: 1 });
    expect(await stream.take()).toMatchObject({ method: "notifications/tools/list_changed" });
    await stream.cancel();
    const again = events(await send(server, "GET", { session }));
    await again.cancel();
  });

  it("keeps what a server says before its client listens, for the GET stream", async () => {
    const server = start();
    const session = await open(server);
    await post(server, { jsonrpc: "2.0", method: "notifications/speak" }, { session });
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    const stream = events(await send(server, "GET", { session }));
    expect(await stream.take()).toMatchObject({ method: "notifications/early" });
    await stream.cancel();
  });

  it("answers a batch with an array, as 2025-03-26 has it", async () => {
    const server = start();
    const session = await open(server);
    const body = [call(1, "ping"), { jsonrpc: "2.0", method: "notifications/x" }, call(2, "fake/echo")];
    const answers = await (await post(server, body, { session })).json();
    expect(answers.map(({ id }: { id: number }) => id).toSorted()).toEqual([1, 2]);
  });

  it("ends the response of a cancelled call, and keeps its late answer from a later call with the same id", async () => {
    const server = start("answers-cancelled");
    const session = await open(server);
    const pending = post(server, call(1, "fake/hang"), { session });
    // Answered after the call before it has been taken in.
    await post(server, call("sync", "ping"), { session });
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
    expect((await post(server, cancel, { session })).status).toBe(202);
    expect(await events(await pending).rest()).toEqual([]);
    await new Promise((resolve) => {
      setTimeout(resolve, 400);
    });
    expect(await (await post(server, call(1, "ping"), { session })).json()).toEqual({
      jsonrpc: "2.0",
      id: 1,
      result: {},
    });
  });

  it("does not answer a cancelled call when the session ends right after it", async () => {
    const server = start();
    const session = await open(server);
    const pending = post(server, call(1, "fake/hang"), { session });
    // Answered after the call before it has been taken in.
    await post(server, call("sync", "ping"), { session });
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
    await post(server, cancel, { session });
    await send(server, "DELETE", { session });
    expect(await events(await pending).rest()).toEqual([]);
  });

  it("turns a quiet call into a stream with comment lines, so that proxies keep it", async () => {
    const server = start("plain", { keepAliveMs: 40 });
    const session = await open(server);
    const response = await post(server, call(1, "fake/hang"), { session });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    await post(server, call(2, "fake/release"), { session });
    const text = await response.text();
    expect(text).toMatch(/^(: keepalive\n\n)+event: message\ndata: /);
    expect(text).toContain('{"jsonrpc":"2.0","id":1,"result":{"released":true}}');
  });

  it("goes on with a call whose connection was lost: up to 2025-11-25 that is no cancellation", async () => {
    const server = start();
    const session = await open(server);
    const gone = new AbortController();
    const pending = post(server, call(1, "fake/hang"), { session, signal: gone.signal });
    // Answered after the call before it has been taken in.
    await post(server, call("sync", "ping"), { session });
    gone.abort();
    expect((await pending).status).toBe(499);
    const { result } = await (await post(server, call(2, "fake/seen"), { session })).json();
    expect(result.seen.join()).not.toContain("notifications/cancelled");
    expect((await post(server, call(3, "fake/release"), { session })).status).toBe(200);
  });
});

describe("a session refuses", () => {
  it("an id or a progress token that is under way already", async () => {
    const server = start();
    const session = await open(server);
    const pending = post(server, call(1, "fake/hang", { _meta: { progressToken: "t" } }), { session });
    const twice = await post(server, call(1, "ping"), { session });
    expect([twice.status, (await twice.json()).error.code]).toEqual([400, -32600]);
    const token = await post(server, call(2, "ping", { _meta: { progressToken: "t" } }), { session });
    expect([token.status, (await token.json()).id]).toEqual([400, 2]);
    const inBatch = await post(server, [call(3, "ping"), call(3, "ping")], { session });
    expect(inBatch.status).toBe(400);
    await post(server, call(4, "fake/release"), { session });
    expect(await (await pending).json()).toMatchObject({ id: 1, result: { released: true } });
    // "1" and 1 are two ids (JSON-RPC 2.0 §4).
    expect((await post(server, call("1", "ping"), { session })).status).toBe(200);
  });

  it("another peer's session id exactly like one that never was", async () => {
    const server = start();
    const session = await open(server, { peer: "alice" });
    const probe = async (id: string, method: "POST" | "GET" | "DELETE"): Promise<unknown> => {
      const say = { peer: "bob", session: id };
      const response =
        method === "POST" ? await post(server, call(1, "ping"), say) : await send(server, method, say);
      return [response.status, [...response.headers], await response.text()];
    };
    for (const method of ["POST", "GET", "DELETE"] as const) {
      const foreign = await probe(session, method);
      expect(foreign).toEqual(await probe("00000000-0000-4000-8000-000000000000", method));
      expect(foreign).toMatchObject([404, {}, expect.stringContaining("Session not found")]);
    }
    // A key that has taken over the name is another peer as well.
    const renamed = await server.fetch(request("POST", call(1, "ping"), { session }), {
      authInfo: authInfo("alice", "other-key"),
    });
    expect(renamed.status).toBe(404);
    expect((await post(server, call(1, "ping"), { peer: "alice", session })).status).toBe(200);
  });

  it("what is no session, no JSON-RPC or no MCP over HTTP, with the status of the official SDK", async () => {
    const server = start("plain", { maxRequestBytes: 2000 });
    const session = await open(server);
    const say = { session };
    const status = async (response: Promise<Response>): Promise<number> => (await response).status;
    expect(await status(post(server, call(1, "ping")))).toBe(400);
    expect(await status(post(server, call(1, "ping"), { session: "unknown" }))).toBe(404);
    expect(await status(post(server, INITIALIZE, say))).toBe(400);
    expect(await status(post(server, INITIALIZE, { session: "unknown" }))).toBe(404);
    expect(await status(post(server, [INITIALIZE, call(1, "ping")]))).toBe(400);
    expect(await status(post(server, "{", say))).toBe(400);
    expect(await status(post(server, [], say))).toBe(400);
    expect(await status(post(server, { id: 1, method: "ping" }, say))).toBe(400);
    expect(await status(post(server, { jsonrpc: "2.0", id: null, method: "ping" }, say))).toBe(400);
    expect(await status(post(server, call(1, "ping", { pad: "x".repeat(3000) }), say))).toBe(413);
    expect(
      await status(post(server, call(1, "ping"), { ...say, headers: { "content-type": "text/plain" } })),
    ).toBe(415);
    expect(
      await status(post(server, call(1, "ping"), { ...say, headers: { accept: "application/json" } })),
    ).toBe(406);
    expect(
      await status(
        post(server, call(1, "ping"), { ...say, headers: { "mcp-protocol-version": "1999-01-01" } }),
      ),
    ).toBe(400);
    expect(await status(send(server, "GET"))).toBe(400);
    expect(await status(send(server, "GET", { ...say, headers: { accept: "application/json" } }))).toBe(406);
    expect(await status(send(server, "DELETE"))).toBe(400);
    expect(await status(send(server, "PUT", say))).toBe(405);
    expect(server.processes).toBe(1);
  });

  it("bytes that are not UTF-8", async () => {
    const server = start();
    const session = await open(server);
    const body = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"'),
      Buffer.from([0xff]),
      Buffer.from('"}}'),
    ]);
    const headers = { accept: "*/*", "content-type": "application/json", "mcp-session-id": session };
    const response = await server.fetch(new Request("http://handler/", { method: "POST", headers, body }));
    expect([response.status, (await response.json()).error.code]).toEqual([400, -32700]);
  });

  it("more calls at once than its bound", async () => {
    const server = start("plain", { maxInFlight: 2 });
    const session = await open(server);
    const pending = [
      post(server, call(1, "fake/hang"), { session }),
      post(server, call(2, "fake/hang"), { session }),
    ];
    const third = await post(server, call(3, "ping"), { session });
    expect([third.status, third.headers.get("retry-after")]).toEqual([503, "1"]);
    await server.close();
    for (const response of pending) expect((await (await response).json()).error.code).toBe(-32603);
  });

  it("to keep a session when the server refuses initialize", async () => {
    const server = start("refuses");
    const response = await post(server, INITIALIZE);
    expect(response.headers.get("mcp-session-id")).toBeNull();
    expect(await response.json()).toMatchObject({ id: "init", error: { code: -32602 } });
    await eventually(() => server.processes === 0, "the process ends");
  });
});
