import { livingBuffers } from "@trusted-mcp/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, memoryLog } from "../../../test/serve/front.ts";
import {
  alive,
  call,
  events,
  fake,
  FAKE_SERVER,
  INITIALIZE,
  open,
  post,
  QUICK,
  send,
} from "../../../test/serve/talk.ts";
import type { ServeLimits } from "../limits.ts";
import { stdioHandler, type StdioHandler } from "./stdio-handler.ts";

let handler: StdioHandler | undefined;
let log = memoryLog();
afterEach(async () => {
  await handler?.close();
  if (handler !== undefined && handler.processes > 0) throw new Error("a process was left behind");
  handler = undefined;
});

function start(mode = "plain", limits: Partial<ServeLimits> = {}): StdioHandler {
  log = memoryLog();
  handler = fake(mode, limits, log);
  return handler;
}

async function pidOf(server: StdioHandler, session: string): Promise<number> {
  return (await (await post(server, call("pid", "fake/echo"), { session })).json()).result.pid;
}

const warnings = (): string[] =>
  log.entries.filter(({ level }) => level === "warn").map(({ message }) => message);

describe("the death of a server process", () => {
  it("is survived: calls under way get a JSON-RPC error, the session is gone, the next one works [REQ-CLI-POOL]", async () => {
    const server = start();
    const session = await open(server);
    const stream = events(await send(server, "GET", { session }));
    const pending = post(server, call(1, "fake/hang"), { session });
    const crashed = await post(server, call(2, "fake/crash"), { session });
    expect([crashed.status, await crashed.json()]).toEqual([
      200,
      {
        jsonrpc: "2.0",
        id: 2,
        error: {
          code: -32603,
          message:
            "The MCP server process ended before it answered: it ended with exit code 7; the request may have run",
          data: { code: "ERR_OUTCOME_UNKNOWN" },
        },
      },
    ]);
    expect(await (await pending).json()).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(await stream.rest()).toEqual([]);
    expect((await post(server, call(3, "ping"), { session })).status).toBe(404);
    expect(log.entries).toContainEqual({
      level: "warn",
      message: "server process ended by itself",
      fields: expect.objectContaining({ code: 7, hint: expect.stringContaining("--log-level debug") }),
    });
    await open(server);
  });

  it("is told by signal too, and as the last event where the answer is a stream", async () => {
    const server = start("plain", { keepAliveMs: 30 });
    const session = await open(server);
    const stream = events(await post(server, call(1, "fake/hang"), { session }));
    await post(server, call(2, "fake/kill"), { session });
    expect(await stream.rest()).toMatchObject([
      { id: 1, error: { message: expect.stringContaining("SIGKILL") } },
    ]);
  });

  it("at once and again and again is backed off, for that peer alone", async () => {
    const server = start("exit");
    const answers: number[] = [];
    const sessions: unknown[] = [];
    for (let n = 0; n < 4; n++) {
      const response = await post(server, INITIALIZE, { peer: "alice" });
      answers.push(response.status);
      sessions.push(response.headers.get("mcp-session-id"));
    }
    expect(answers).toEqual([200, 200, 200, 503]);
    expect(sessions).toEqual([null, null, null, null]);
    const refused = await post(server, INITIALIZE, { peer: "alice" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await post(server, INITIALIZE, { peer: "bob" })).status).toBe(200);
  });

  it("takes what it started with it", async () => {
    const server = start("family");
    const session = await open(server);
    let line: unknown;
    await eventually(
      () =>
        (line = log.entries.find(({ fields }) => String(fields["line"]).startsWith("grandchild"))?.fields[
          "line"
        ]) !== undefined,
      "the grandchild is there",
    );
    const grandchild = Number(String(line).split(" ")[1]);
    expect(alive(grandchild)).toBe(true);
    await post(server, call(1, "fake/crash"), { session });
    await eventually(() => !alive(grandchild), "the grandchild has ended");
  });
});

describe("a server that does not behave", () => {
  it("prints what is no JSON-RPC: skipped, counted, and its text kept out of the log", async () => {
    const server = start("garbage");
    const session = await open(server);
    expect((await post(server, call(1, "ping"), { session })).status).toBe(200);
    expect(log.entries).toContainEqual({
      level: "warn",
      message: expect.stringContaining("skipped"),
      fields: { skipped: 1 },
    });
    expect(JSON.stringify(log.entries.filter(({ level }) => level !== "debug"))).not.toContain("banners");
  });

  it("writes a message over the bound: it is ended, and the caller told why", async () => {
    const server = start("plain", { maxMessageBytes: 100_000 });
    const session = await open(server);
    const fits = await post(server, call(1, "fake/huge", { bytes: 90_000 }), { session });
    expect((await fits.json()).result.data).toHaveLength(90_000);
    const { error } = await (
      await post(server, call(2, "fake/huge", { bytes: 5_000_000 }), { session })
    ).json();
    expect(error.message).toContain("more than 100000 bytes");
  });

  it("hangs in initialize: its client gets an error after the start time", async () => {
    const server = start("silent", { startTimeoutMs: 100 });
    const { error } = await (await post(server, INITIALIZE)).json();
    expect(error.message).toContain("did not answer initialize in time");
  });

  it("hangs in initialize and its client goes away: the process ends", async () => {
    const server = start("silent");
    expect((await post(server, INITIALIZE, { signal: AbortSignal.timeout(50) })).status).toBe(499);
    await eventually(() => server.processes === 0, "the process has ended");
  });

  it("writes secrets to stderr: only the debug log has them, without control characters", async () => {
    const server = start("noisy");
    await open(server);
    await eventually(
      () => log.entries.some(({ message }) => message === "server stderr"),
      "stderr is logged",
    );
    const entries = log.entries.filter(({ fields }) => String(fields["line"]).includes("secret"));
    expect(entries.map(({ level }) => level)).toEqual(["debug"]);
    expect(JSON.stringify(entries)).not.toContain("\\u001b");
  });

  it("produces faster than its reader reads: it is made to wait, and nothing is lost", async () => {
    const server = start();
    const session = await open(server);
    const response = await post(
      server,
      call(1, "fake/flood", { size: 50_000, count: 400, _meta: { progressToken: "p" } }),
      { session },
    );
    const before = livingBuffers();
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    expect(livingBuffers() - before).toBeLessThan(5_000_000);
    const all = await events(response).rest();
    expect(all.slice(0, -1).map(({ params }) => params.progress)).toEqual(
      Array.from({ length: 400 }, (_, n) => n + 1),
    );
    expect(all.at(-1)).toMatchObject({ id: 1, result: { sent: 400 } });
  });

  it("has a reader that takes nothing: that one is cut off, the others go on", async () => {
    const server = start("plain", { stallMs: 150 });
    const session = await open(server);
    const stuck = await post(
      server,
      call(1, "fake/flood", { size: 50_000, count: 100, _meta: { progressToken: "p" } }),
      { session },
    );
    const other = await post(server, call(2, "ping"), { session });
    expect(await other.json()).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    // Told without reading: to read would be to take something.
    await expect(stuck.body?.getReader().closed).rejects.toThrow("took nothing");
  });
});

describe("the pool of processes", () => {
  it("is bounded per peer and in all, and one peer's sessions never make room for another's [REQ-CLI-POOL]", async () => {
    const server = start("plain", { maxChildren: 3, maxChildrenPerPeer: 2, evictIdleMs: 0 });
    const alice = [await open(server, { peer: "alice" }), await open(server, { peer: "alice" })];
    const bob = await open(server, { peer: "bob" });
    const carol = await post(server, INITIALIZE, { peer: "carol" });
    expect([carol.status, (await carol.json()).error.code]).toEqual([503, -32603]);
    expect(server.processes).toBe(3);
    for (const session of alice)
      expect((await post(server, call(1, "ping"), { peer: "alice", session })).status).toBe(200);
    expect((await post(server, call(1, "ping"), { peer: "bob", session: bob })).status).toBe(200);
  });

  it("ends a peer's own longest idle session when that peer is at its bound", async () => {
    const server = start("plain", { maxChildrenPerPeer: 2, evictIdleMs: 0 });
    const first = await open(server);
    const second = await open(server);
    const third = await open(server);
    const status = async (session: string): Promise<number> =>
      (await post(server, call(1, "ping"), { session })).status;
    expect([await status(first), await status(second), await status(third)]).toEqual([404, 200, 200]);
    expect(server.processes).toBe(2);
  });

  it("lets a session make room soon after its client stopped listening, not one that never listened", async () => {
    const server = start("plain", { maxChildrenPerPeer: 2, evictIdleMs: 60_000, evictLeftMs: 0 });
    const never = await open(server);
    const left = await open(server);
    const stream = await send(server, "GET", { session: left });
    await stream.body!.cancel();
    await open(server);
    const status = async (session: string): Promise<number> =>
      (await post(server, call(1, "ping"), { session })).status;
    expect([await status(never), await status(left)]).toEqual([200, 404]);
    expect((await post(server, INITIALIZE)).status).toBe(503);
  });

  it("does not end sessions with a call under way or an open stream", async () => {
    const server = start("plain", { maxChildrenPerPeer: 2, evictIdleMs: 0 });
    const calling = await open(server);
    const listening = await open(server);
    const pending = post(server, call(1, "fake/hang"), { session: calling });
    const stream = await send(server, "GET", { session: listening });
    expect((await post(server, INITIALIZE)).status).toBe(503);
    await stream.body!.cancel();
    expect((await post(server, INITIALIZE)).status).toBe(200);
    await post(server, call(2, "fake/release"), { session: calling });
    expect((await pending).status).toBe(200);
  });

  it("counts processes that are still ending, so that opening and closing in a loop stays bounded", async () => {
    const server = start("term", { maxChildrenPerPeer: 2, graceMs: 300 });
    const sessions = [await open(server), await open(server)];
    await send(server, "DELETE", { session: sessions[0]! });
    const third = open(server);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect(server.processes).toBe(2);
    await third;
    expect(server.processes).toBe(2);
  });

  it("ends idle sessions, also when a call hangs that nobody waits for any more", async () => {
    const server = start("plain", { idleMs: 200 });
    const session = await open(server);
    expect(
      (await post(server, call(1, "fake/hang"), { session, signal: AbortSignal.timeout(30) })).status,
    ).toBe(499);
    await eventually(() => server.processes === 0, "the abandoned session has ended");
  });

  it("ends idle sessions", async () => {
    const server = start("plain", { idleMs: 200 });
    const session = await open(server);
    await eventually(() => server.processes === 0, "the idle session has ended");
    expect((await post(server, call(1, "ping"), { session })).status).toBe(404);
    expect(warnings()).toEqual([]);
  });
});

describe("the end of a process", () => {
  it.each([
    ["plain", "the end of its input", null],
    ["term", "SIGTERM", "SIGTERM"],
    ["deaf", "SIGKILL", "SIGKILL"],
  ])("of a server that is %s comes by %s", async (mode, _by, signal) => {
    const server = start(mode);
    const pid = await pidOf(server, await open(server));
    await server.close();
    expect(alive(pid)).toBe(false);
    const end = log.entries.find(({ message }) => message === "server process ended");
    expect(end?.fields["signal"] ?? null).toBe(signal);
    expect((await post(server, INITIALIZE)).status).toBe(503);
  });
});

describe("what a server is started with", () => {
  it("is fixed: no shell, the arguments as given, and only harmless variables beside the named ones [REQ-CLI-NO-REMOTE-COMMAND]", async () => {
    process.env["TRUSTED_MCP_TEST_SECRET"] = "hunter2";
    const args = ["; echo owned", "$HOME", "--x=y z"];
    handler = stdioHandler({
      command: process.execPath,
      args: [FAKE_SERVER, "plain", ...args],
      env: { NAMED: "yes" },
      cwd: "/",
      limits: QUICK,
      log,
    });
    const session = await open(handler, { headers: { "x-env": "A=1", "mcp-command": "sh" } });
    const { result } = await (
      await post(handler, call(1, "fake/environment", { env: { B: "2" }, cwd: "/tmp" }), { session })
    ).json();
    delete process.env["TRUSTED_MCP_TEST_SECRET"];
    expect(result.argv).toEqual(["plain", ...args]);
    expect(result.cwd).toBe("/");
    expect(result.env["NAMED"]).toBe("yes");
    const allowed = [
      "PATH",
      "HOME",
      "LANG",
      "LC_ALL",
      "LC_CTYPE",
      "TERM",
      "TMPDIR",
      "USER",
      "LOGNAME",
      "SHELL",
      "NAMED",
    ];
    expect(Object.keys(result.env).filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it("must have a folder that exists", () => {
    const start = (): unknown => stdioHandler({ command: process.execPath, cwd: "/no/such/folder", log });
    expect(start).toThrow(expect.objectContaining({ code: "ERR_FILE", action: "fix" }));
  });

  it("must exist at start", () => {
    const start = (command: string) => () => stdioHandler({ command, log });
    for (const command of ["no-such-program-here", "./nor-this", "/", ""])
      expect(start(command)).toThrow(expect.objectContaining({ code: "ERR_FILE", action: "fix" }));
  });
});
