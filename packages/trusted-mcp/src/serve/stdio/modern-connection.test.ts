import { afterEach, describe, expect, it } from "vitest";
import { eventually, memoryLog } from "../../../test/serve/front.ts";
import {
  call,
  ENVELOPE,
  events,
  fake,
  INITIALIZE,
  type Json,
  modern,
  post,
} from "../../../test/serve/talk.ts";
import type { ServeLimits } from "../limits.ts";
import type { StdioHandler } from "./stdio-handler.ts";

let handler: StdioHandler | undefined;
afterEach(async () => {
  await handler?.close();
  if (handler !== undefined && handler.processes > 0) throw new Error("a process was left behind");
  handler = undefined;
});

function start(mode = "modern", limits: Partial<ServeLimits> = {}, log = memoryLog()): StdioHandler {
  handler = fake(mode, limits, log);
  return handler;
}

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

async function seenBy(server: StdioHandler, peer?: string): Promise<Json[]> {
  const { result } = await (
    await modern(server, "seen", "fake/seen", {}, peer === undefined ? {} : { peer })
  ).json();
  return result.seen.map((line: string) => JSON.parse(line));
}

describe("2026-07-28 requests", () => {
  it("of one peer share a process, those of another peer have another", async () => {
    const server = start();
    const pidFor = async (peer: string): Promise<number> =>
      (await (await modern(server, 1, "fake/echo", {}, { peer })).json()).result.pid;
    const pids = await Promise.all([pidFor("alice"), pidFor("alice"), pidFor("bob")]);
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).not.toBe(pids[0]);
    expect(server.processes).toBe(2);
  });

  it("with the same id from several callers each get their own answer, under the id they chose", async () => {
    const server = start();
    const ids = [1, 1, "1", "1", 1];
    const answers = await Promise.all(
      ids.map(async (id, n) =>
        (
          await modern(server, id, "fake/progress", { n, ms: 30 }, { meta: { progressToken: "same" } })
        ).text(),
      ),
    );
    for (const [n, text] of answers.entries()) {
      const messages = text
        .split("\n\n")
        .filter(Boolean)
        .map((event) => JSON.parse(event.split("data: ")[1]!));
      expect(messages.map(({ method }) => method)).toEqual(["notifications/progress", undefined]);
      expect(messages[0].params.progressToken).toBe("same");
      expect(messages[1].id).toBe(ids[n]);
    }
    const onWire = (await seenBy(server)).filter(({ method }) => method === "fake/progress");
    expect(new Set(onWire.map(({ id }) => id)).size).toBe(ids.length);
    expect(onWire.every(({ id, params }) => params._meta.progressToken === id)).toBe(true);
  });

  it("cannot be answered twice, nor under an id that is not theirs", async () => {
    const server = start();
    const gone = new AbortController();
    const pending = modern(server, "victim", "fake/hang");
    const raw = modern(
      server,
      "attacker",
      "fake/raw",
      { line: '{"jsonrpc":"2.0","id":"victim","result":{"forged":true}}' },
      { signal: gone.signal },
    );
    // Answered after both have been taken in.
    await seenBy(server);
    gone.abort();
    expect((await raw).status).toBe(499);
    await modern(server, 3, "fake/release");
    expect(await (await pending).json()).toEqual({
      jsonrpc: "2.0",
      id: "victim",
      result: { released: true },
    });
  });

  it("are cancelled by closing the request: the server hears notifications/cancelled with its own id and an envelope", async () => {
    const server = start();
    const gone = new AbortController();
    const pending = modern(server, "mine", "fake/hang", {}, { signal: gone.signal });
    await seenBy(server);
    gone.abort();
    expect((await pending).status).toBe(499);
    await eventually(
      async () => (await seenBy(server)).some(({ method }) => method === "notifications/cancelled"),
      "the server is told",
    );
    const seen = await seenBy(server);
    const hang = seen.find(({ method }) => method === "fake/hang");
    const cancelled = seen.find(({ method }) => method === "notifications/cancelled");
    expect(cancelled.params.requestId).toBe(hang.id);
    expect(cancelled.params._meta).toEqual(ENVELOPE);
  });

  it("are cancelled as well when the reader of their event stream goes away", async () => {
    const server = start("modern", { keepAliveMs: 20 });
    const response = await modern(server, 1, "fake/hang");
    await response.body!.cancel();
    await eventually(
      async () => (await (await modern(server, 2, "fake/seen")).text()).includes("notifications/cancelled"),
      "the server is told",
    );
  });

  it("cannot be cancelled by another caller's notification", async () => {
    const server = start();
    const pending = modern(server, 1, "fake/hang");
    const params = { requestId: 1, _meta: ENVELOPE };
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "notifications/cancelled" };
    const response = await post(
      server,
      { jsonrpc: "2.0", method: "notifications/cancelled", params },
      { headers },
    );
    expect(response.status).toBe(202);
    expect((await seenBy(server)).map(({ method }) => method)).not.toContain("notifications/cancelled");
    await modern(server, 2, "fake/release");
    expect((await pending).status).toBe(200);
  });

  it("to listen get a stream whose subscription id is the caller's own, and log lines only where asked for", async () => {
    const server = start();
    const listen = async (id: string): Promise<ReturnType<typeof events>> =>
      events(await modern(server, id, "subscriptions/listen", { notifications: { toolsListChanged: true } }));
    const [one, two] = [await listen("a"), await listen("b")];
    for (const [stream, id] of [
      [one, "a"],
      [two, "b"],
    ] as const) {
      expect((await stream.take()).params._meta[SUBSCRIPTION]).toBe(id);
      expect(await stream.take()).toMatchObject({
        method: "notifications/tools/list_changed",
        params: { _meta: { [SUBSCRIPTION]: id } },
      });
    }
    const withLogs = events(
      await modern(server, 1, "fake/progress", {}, { meta: { "io.modelcontextprotocol/logLevel": "info" } }),
    );
    expect((await withLogs.rest()).map(({ method }) => method)).toEqual(["notifications/message", undefined]);
    await one.cancel();
    await two.cancel();
    await eventually(
      async () =>
        (await seenBy(server)).filter(({ method }) => method === "notifications/cancelled").length === 2,
      "both are cancelled",
    );
  });

  it("keep numbers that JavaScript would round, both ways", async () => {
    const server = start();
    const line = '{"jsonrpc":"2.0","id":ID,"result":{"n":98765432109876543210}}';
    const body = JSON.stringify(call(1, "fake/hang", { _meta: ENVELOPE })).replace(
      '"params":{',
      '"params":{"n":12345678901234567890,',
    );
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "fake/hang" };
    const pending = post(server, body, { headers });
    const { result } = await (await modern(server, 2, "fake/seen")).json();
    expect(result.seen[0]).toContain("12345678901234567890");
    const { id } = JSON.parse(result.seen[0]);
    const gone = new AbortController();
    const say = { signal: gone.signal };
    const raw = modern(server, 3, "fake/raw", { line: line.replace("ID", String(id)) }, say);
    expect(await (await pending).text()).toBe(line.replace("ID", "1"));
    gone.abort();
    expect((await raw).status).toBe(499);
  });

  it("survive the death of their process: all are answered, and the next starts another", async () => {
    const server = start();
    const pending = [
      modern(server, 1, "fake/hang"),
      modern(server, 2, "fake/hang"),
      modern(server, 3, "fake/crash"),
    ];
    for (const [n, response] of (await Promise.all(pending)).entries()) {
      expect([response.status, await response.json()]).toMatchObject([
        200,
        { id: n + 1, error: { code: -32603 } },
      ]);
    }
    expect((await modern(server, 4, "ping")).status).toBe(200);
  });

  it("get 404 for an unknown method, and 400 where headers and body disagree or are missing", async () => {
    const server = start();
    const answer = async (response: Promise<Response>): Promise<[number, number]> => [
      (await response).status,
      (await (await response).json()).error.code,
    ];
    expect(await answer(modern(server, 1, "no/such"))).toEqual([404, -32601]);
    expect(await answer(modern(server, 1, "ping", {}, { headers: { "mcp-method": "tools/call" } }))).toEqual([
      400, -32020,
    ]);
    expect(await answer(modern(server, 1, "prompts/get", { name: "a" }))).toEqual([400, -32020]);
    expect(
      await answer(modern(server, 1, "prompts/get", { name: "a" }, { headers: { "mcp-name": "b" } })),
    ).toEqual([400, -32020]);
    expect(
      await answer(
        modern(server, 1, "prompts/get", { name: "é" }, { headers: { "mcp-name": "=?base64?w6k=?=" } }),
      ),
    ).toEqual([404, -32601]);
    expect(
      await answer(
        modern(server, 1, "prompts/get", { name: "é" }, { headers: { "mcp-name": "=?base64?w6k?=" } }),
      ),
    ).toEqual([400, -32020]);
    expect(await answer(post(server, call(1, "ping", { _meta: ENVELOPE })))).toEqual([400, -32020]);
    expect(
      await answer(post(server, call(1, "ping"), { headers: { "mcp-protocol-version": "2026-07-28" } })),
    ).toEqual([400, -32602]);
    expect(await answer(post(server, [call(1, "ping", { _meta: ENVELOPE })]))).toEqual([400, -32600]);
  });
});

describe("2026-07-28 rules that a server on a pipe cannot check", () => {
  const routed = (args: Record<string, unknown>, headers: Record<string, string>): Promise<Response> =>
    modern(
      handler!,
      1,
      "tools/call",
      { name: "routed", arguments: args },
      { headers: { "mcp-name": "routed", ...headers } },
    );
  const outcome = async (response: Promise<Response>): Promise<unknown> => {
    const { error } = await (await response).clone().json();
    return [(await response).status, error?.code];
  };

  it("a version that the server does not serve is refused with those that it does, on every request", async () => {
    const server = start();
    const meta = { "io.modelcontextprotocol/protocolVersion": "2099-01-01" };
    for (const method of ["fake/echo", "server/discover", "fake/echo"]) {
      const response = await modern(
        server,
        7,
        method,
        {},
        { meta, headers: { "mcp-protocol-version": "2099-01-01" } },
      );
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { id: 7, error: { code: -32022, data: { supported: ["2026-07-28"], requested: "2099-01-01" } } },
      ]);
    }
    expect((await modern(server, 7, "fake/echo")).status).toBe(200);
  });

  it("arguments that are declared for headers must be there with the same value", async () => {
    start();
    const args = { region: "eu", at: { row: 42 } };
    expect(await outcome(routed(args, { "mcp-param-region": "eu", "mcp-param-row": "42.0" }))).toEqual([
      200,
      undefined,
    ]);
    expect(await outcome(routed(args, { "mcp-param-region": "eu" }))).toEqual([400, -32020]);
    expect(await outcome(routed(args, { "mcp-param-region": "us", "mcp-param-row": "42" }))).toEqual([
      400, -32020,
    ]);
    expect(
      await outcome(routed(args, { "mcp-param-region": "=?base64?e=?=", "mcp-param-row": "42" })),
    ).toEqual([400, -32020]);
    expect(await outcome(routed({}, { "mcp-param-region": "eu" }))).toEqual([200, undefined]);
  });

  it("are learned from the lists that pass, and a server that has none is asked once it matters", async () => {
    const server = start();
    expect(await outcome(routed({ region: "eu" }, {}))).toEqual([200, undefined]);
    await modern(server, 2, "tools/list", { cursor: "2" });
    expect(await outcome(routed({ region: "eu" }, {}))).toEqual([400, -32020]);
    expect((await seenBy(server)).filter(({ method }) => method === "tools/list")).toHaveLength(1);
  });
});

describe("server/discover at a server that only knows earlier revisions", () => {
  it("is answered by the server's own error, once asked, and its process is given back", async () => {
    const server = start("plain");
    const first = await modern(server, "probe-1", "server/discover");
    expect([first.status, await first.json()]).toEqual([
      404,
      {
        jsonrpc: "2.0",
        id: "probe-1",
        error: { code: -32601, message: "Method not found", data: { asked: "modern" } },
      },
    ]);
    await eventually(() => server.processes === 0, "the probed process ends");
    const again = await modern(server, "probe-2", "server/discover");
    expect(await again.json()).toMatchObject({
      id: "probe-2",
      error: { code: -32601, message: "Method not found" },
    });
    expect(server.processes).toBe(0);
    expect((await post(server, INITIALIZE)).status).toBe(200);
  });

  it("that ends when asked, or stays silent, counts as one too, and not as a crash", async () => {
    for (const mode of ["dies-on-probe", "silent"]) {
      const log = memoryLog();
      const server = start(mode, { discoverTimeoutMs: 300 }, log);
      for (const peer of ["a", "b", "c", "d"]) {
        const response = await modern(server, 1, "server/discover", {}, { peer });
        expect([response.status, (await response.json()).error.code]).toEqual([404, -32601]);
      }
      expect(log.entries.filter(({ level }) => level === "warn")).toEqual([]);
      await server.close();
    }
  });
});
