import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { MemoryStateStore, type StateStore } from "@trusted-mcp/channel";
import { random } from "@trusted-mcp/primitives/bytes";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, countOf, pairOf } from "./reply.ts";
import { redisStore, type RedisStore } from "./redis-store.ts";

const missing = spawnSync("redis-server", ["--version"]).error !== undefined;
if (missing)
  // oxlint-disable-next-line no-console -- a test that does not run must be heard
  console.error(
    "\n!!! redis-server is not installed: the store's tests on a real Redis DO NOT RUN (tools/need.sh redis-server)\n",
  );

/** A real Redis in a folder of its own, without a port. */
class RedisServer {
  readonly folder: string = mkdtempSync(join(tmpdir(), "trusted-mcp-redis-"));
  readonly socketPath: string = join(this.folder, "redis.sock");
  #process: ChildProcess | null = null;

  /** As a Sentinel that watches one Redis. */
  async watch(port: number, watched: number): Promise<void> {
    const config = join(this.folder, "sentinel.conf");
    const lines = [`port ${port}`, "bind 127.0.0.1", `sentinel monitor the-primary 127.0.0.1 ${watched} 1`];
    writeFileSync(config, `${lines.join("\n")}\n`);
    await this.#run([config, "--sentinel"], /\+monitor master/);
  }

  async start(...more: string[]): Promise<void> {
    const args = ["--port", "0", "--unixsocket", this.socketPath, "--dir", this.folder, "--appendonly", "no"];
    await this.#run(
      [...args, "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0", ...more],
      /[Rr]eady to accept connections/,
    );
  }

  async #run(args: readonly string[], ready: RegExp): Promise<void> {
    const child = spawn("redis-server", args);
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (text: Buffer) => {
        if (ready.test(text.toString())) resolve();
      });
      child.once("exit", () => reject(new Error("redis-server did not start")));
    });
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  async command(...args: string[]): Promise<unknown> {
    const client = createClient({ socket: { path: this.socketPath, tls: false } });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }
}

const limits = { idleMs: 60_000, lifeMs: 60_000, group: "g", groupLimit: 100 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const MAX = Number.MAX_SAFE_INTEGER;

/** Waits for the connection: a command that fails says that there is none yet. */
async function connected(store: RedisStore): Promise<RedisStore> {
  for (let tries = 0; ; tries += 1)
    try {
      await store.check();
      return store;
    } catch (error) {
      if (tries > 400) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

describe.skipIf(missing)("a store in Redis", () => {
  const server = new RedisServer();
  let store: RedisStore;
  let prefixes = 0;
  const another = (options: { prefix?: string; timeoutMs?: number } = {}): Promise<RedisStore> =>
    connected(redisStore({ socketPath: server.socketPath, ...options }));

  beforeAll(async () => {
    await server.start();
    store = await another();
  });
  afterAll(async () => {
    store.close();
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });

  it("gives an entry to one of all who take it", async () => {
    const other = await another();
    await store.put("entry", bytes("value"), 10_000);
    expect(await other.get("entry")).toEqual(bytes("value"));
    const taken = await Promise.all([store, other, store, other].map((each) => each.take("entry")));
    expect(taken.filter((value) => value !== undefined)).toEqual([bytes("value")]);
    expect(await store.get("entry")).toBeUndefined();
    await store.put("short", bytes("x"), 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await store.get("short")).toBeUndefined();
    other.close();
  });

  it("never overwrites what is there: a late command brings nothing back", async () => {
    await store.put("once", bytes("a"), 10_000);
    await expect(store.put("once", bytes("b"), 10_000)).rejects.toMatchObject({ code: "ERR_REDIS_REFUSED" });
    await store.openSession("s-once", bytes("a"), limits);
    await store.admit("s-once", 1);
    await expect(store.openSession("s-once", bytes("a"), limits)).rejects.toThrow();
    await store.endSession("s-once");
    await expect(store.openSession("s-once", bytes("a"), limits)).rejects.toThrow();
    expect(await store.admit("s-once", 2)).toEqual({ verdict: "gone" });
  });

  it("replaces a session's value for one of all who know its version", async () => {
    await store.openSession("cas", bytes("1"), limits);
    const tries = ["a", "b", "c"].map((value) => store.replaceSession("cas", 1, bytes(value)));
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    expect(await store.session("cas")).toMatchObject({ version: 2 });
    expect(await store.admit("cas", 0)).toEqual({ verdict: "fresh", version: 2 });
    expect(await store.replaceSession("nobody", 1, bytes("x"))).toBe(false);
  });

  it("its window says what the one in memory says, whatever the order [REQ-NODES-REPLAY]", async () => {
    const near = fc.integer({ min: 0, max: 5000 });
    const far = fc.integer({ min: 0, max: 40_000 });
    const last = fc.integer({ min: MAX - 5000, max: MAX });
    const powers = fc.integer({ min: 0, max: 52 }).map((exponent) => 2 ** exponent);
    const sequences = fc.array(fc.oneof(near, far, last, powers), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(sequences, fc.boolean(), async (numbers, sorted) => {
        const key = `window-${(prefixes += 1)}`;
        const memory: StateStore = new MemoryStateStore();
        for (const each of [memory, store]) await each.openSession(key, bytes("x"), limits);
        for (const number of sorted ? numbers.toSorted((a, b) => a - b) : numbers)
          expect([number, await store.admit(key, number)]).toEqual([number, await memory.admit(key, number)]);
      }),
      { numRuns: 60 },
    );
  });

  it("one number that many nodes admit at once is fresh once, also at the ends of the window", async () => {
    const others = [await another(), await another(), await another()];
    await store.openSession("race", bytes("x"), limits);
    for (const number of [0, 1, 2047, 2048, 10_000, 10_000 - 2047, MAX - 1, MAX]) {
      const said = await Promise.all([...others, ...others].map((each) => each.admit("race", number)));
      expect(said.filter(({ verdict }) => verdict === "fresh").length).toBe(1);
    }
    for (const other of others) other.close();
  });

  it("a session ends for good, alone or with its group; idle, or when its life is over [REQ-NODES-END]", async () => {
    await store.openSession("a", bytes("x"), { ...limits, group: "alice" });
    await store.openSession("b", bytes("x"), { ...limits, group: "alice" });
    await store.openSession("c", bytes("x"), { ...limits, group: "bob" });
    await store.endSession("a");
    expect(await store.session("a")).toEqual({ version: 1, value: new Uint8Array(0) });
    expect(await store.endGroup("alice")).toBe(1);
    expect(await store.endGroup("alice")).toBe(0);
    for (const key of ["a", "b"]) {
      expect(await store.admit(key, 9)).toEqual({ verdict: "gone" });
      expect(await store.replaceSession(key, 1, bytes("y"))).toBe(false);
    }
    expect(await store.admit("c", 9)).toMatchObject({ verdict: "fresh" });
    await store.openSession("idle", bytes("x"), { ...limits, idleMs: 1 });
    await store.openSession("old", bytes("x"), { ...limits, lifeMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const key of ["idle", "old"]) expect(await store.admit(key, 1)).toEqual({ verdict: "gone" });
    // What idled out is still told apart from what was never there, once its group has ended.
    expect(await store.session("idle")).toBeUndefined();
    expect(await store.endGroup(limits.group)).toBeGreaterThanOrEqual(0);
    expect(await store.session("idle")).toEqual({ version: 0, value: new Uint8Array(0) });
  });

  it("of too many sessions of a group those that ended go first, then the oldest", async () => {
    const own = { ...limits, group: "many", groupLimit: 3 };
    for (const key of ["m1", "m2", "m3"]) await store.openSession(key, bytes("x"), own);
    await store.endSession("m2");
    await store.openSession("m4", bytes("x"), own);
    await store.openSession("m5", bytes("x"), own);
    const open = [];
    for (const key of ["m1", "m2", "m3", "m4", "m5"])
      if ((await store.admit(key, 1)).verdict !== "gone") open.push(key);
    expect(open).toEqual(["m3", "m4", "m5"]);
  });

  it("two servers with prefixes of their own do not meet", async () => {
    const other = await another({ prefix: "elsewhere" });
    await store.openSession("same", bytes("x"), limits);
    expect(await other.session("same")).toBeUndefined();
    other.close();
  });

  it("a session takes less than 2 KB of Redis", async () => {
    const before = Number(/used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1]);
    for (let count = 0; count < 1000; count += 1)
      await store.openSession(`small-${count}`, random(400), { ...limits, group: "s", groupLimit: 2000 });
    const after = Number(/used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1]);
    expect((after - before) / 1000).toBeLessThan(2048);
  });
});

describe.skipIf(missing)("a Redis that fails [REQ-NODES-STORE]", () => {
  it("after a restart from its own snapshot knows nothing of before: what ran does not run again", async () => {
    const server = new RedisServer();
    await server.start("--save", "");
    const store = await connected(redisStore({ socketPath: server.socketPath }));
    await store.openSession("s", bytes("x"), limits);
    await store.put("p", bytes("x"), 60_000);
    expect(await store.admit("s", 1)).toMatchObject({ verdict: "fresh" });
    // The snapshot is older than the next number: exactly what would let it run twice.
    await server.command("SAVE");
    expect(await store.admit("s", 2)).toMatchObject({ verdict: "fresh" });
    await server.stop("SIGKILL");
    await expect(store.admit("s", 3)).rejects.toMatchObject({ code: "ERR_REDIS_UNAVAILABLE" });
    await server.start("--save", "");
    expect(Number(await server.command("DBSIZE"))).toBeGreaterThan(1);
    await connected(store);
    for (const number of [1, 2, 3]) expect(await store.admit("s", number)).toEqual({ verdict: "gone" });
    expect([await store.session("s"), await store.get("p"), await store.take("p")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    store.close();
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });

  it("a primary that was made a replica and came back, in the same process, knows nothing of before", async () => {
    const [first, second] = [new RedisServer(), new RedisServer()];
    const ports = [await freePort(), await freePort()];
    await first.start("--save", "", "--port", String(ports[0]), "--bind", "127.0.0.1");
    await second.start("--save", "", "--port", String(ports[1]), "--bind", "127.0.0.1");
    await second.command("REPLICAOF", "127.0.0.1", String(ports[0]));
    await linked(second);
    const store = await connected(redisStore({ socketPath: first.socketPath }));
    await store.openSession("s", bytes("x"), limits);
    await first.command("WAIT", "1", "5000");
    // From here on the replica hears nothing: its copy is a past in which number 1 has not run.
    await second.command("REPLICAOF", "NO", "ONE");
    expect(await store.admit("s", 1)).toMatchObject({ verdict: "fresh" });
    const promoted = await connected(redisStore({ socketPath: second.socketPath }));
    expect(await promoted.admit("s", 1)).toEqual({ verdict: "gone" });
    await first.command("REPLICAOF", "127.0.0.1", String(ports[1]));
    await linked(first);
    await expect(store.admit("s", 1)).rejects.toMatchObject({ code: "ERR_REDIS_REFUSED" });
    await first.command("REPLICAOF", "NO", "ONE");
    // The key of the first days is there again, with its old window, under a name that nobody looks at.
    expect(String(await first.command("KEYS", "*"))).toContain(":s");
    expect(await store.admit("s", 1)).toEqual({ verdict: "gone" });
    for (const each of [store, promoted]) each.close();
    for (const each of [first, second]) {
      await each.stop();
      rmSync(each.folder, { recursive: true });
    }
  });

  it("that hangs is given up after the time limit; commands are not kept for later", async () => {
    const server = new RedisServer();
    await server.start("--save", "");
    const store = await connected(redisStore({ socketPath: server.socketPath, timeoutMs: 100 }));
    await store.openSession("s", bytes("x"), limits);
    const sleeping = server.command("DEBUG", "SLEEP", "0.6");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    await expect(store.admit("s", 1)).rejects.toMatchObject({
      code: "ERR_REDIS_UNAVAILABLE",
      action: "retry",
    });
    expect(performance.now() - started).toBeLessThan(550);
    await sleeping;
    await connected(store);
    // It may have been marked meanwhile, or not; it is never marked twice.
    const said = [await store.admit("s", 1), await store.admit("s", 1)];
    expect(said[1]).toMatchObject({ verdict: "seen" });
    store.close();
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });

  it("that is not there is told at the start, and taken when it comes", async () => {
    const server = new RedisServer();
    const store = redisStore({ socketPath: server.socketPath, timeoutMs: 200 });
    await expect(store.check()).rejects.toMatchObject({ code: "ERR_REDIS_UNAVAILABLE" });
    await server.start("--save", "");
    await connected(store);
    store.close();
    await expect(store.check()).rejects.toMatchObject({ code: "ERR_REDIS_UNAVAILABLE" });
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });

  it("that wants another password says so, instead of not answering", async () => {
    const server = new RedisServer();
    await server.start("--save", "", "--requirepass", "not ours");
    const store = redisStore({ socketPath: server.socketPath });
    await expect
      .poll(() => store.check().catch((error: unknown) => error))
      .toMatchObject({ code: "ERR_REDIS_REFUSED", message: expect.stringContaining("NOAUTH") });
    store.close();
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });

  it("that is full, or that does not let us, refuses: nothing is thrown away for it", async () => {
    const server = new RedisServer();
    await server.start("--save", "", "--maxmemory", "1mb", "--maxmemory-policy", "noeviction");
    const store = await connected(redisStore({ socketPath: server.socketPath }));
    await expect(store.openSession("s", random(60_000), limits)).rejects.toMatchObject({
      code: "ERR_REDIS_REFUSED",
      message: expect.stringContaining("OOM"),
    });
    await server.command("ACL", "SETUSER", "default", "-info");
    await expect(store.check()).rejects.toMatchObject({ code: "ERR_REDIS_REFUSED" });
    store.close();
    await server.stop();
    rmSync(server.folder, { recursive: true });
  });
});

describe.skipIf(missing)("a Redis that Sentinels know [REQ-NODES-STORE]", () => {
  it("is found by its name, also when one Sentinel is away; nothing waits while it is not there", async () => {
    const [server, sentinel] = [new RedisServer(), new RedisServer()];
    const [port, sentinelPort, nobody] = [await freePort(), await freePort(), await freePort()];
    await server.start("--save", "", "--port", String(port), "--bind", "127.0.0.1");
    await sentinel.watch(sentinelPort, port);
    const sentinels = [nobody, sentinelPort].map((each) => `redis://127.0.0.1:${each}`);
    const store = redisStore({ url: "redis://the-primary/0", sentinels });
    await expect(store.check()).rejects.toMatchObject({ code: "ERR_REDIS_UNAVAILABLE" });
    await connected(store);
    await store.openSession("s", bytes("x"), limits);
    expect(await store.admit("s", 1)).toMatchObject({ verdict: "fresh" });
    await server.stop();
    await expect.poll(() => store.check().catch((error: unknown) => error)).toBeInstanceOf(Error);
    const started = performance.now();
    await expect(store.admit("s", 2)).rejects.toMatchObject({ code: "ERR_REDIS_UNAVAILABLE" });
    expect(performance.now() - started).toBeLessThan(100);
    await server.start("--save", "", "--port", String(port), "--bind", "127.0.0.1");
    await connected(store);
    expect(await store.admit("s", 1)).toEqual({ verdict: "gone" });
    store.close();
    await expect(store.check()).rejects.toThrow("Redis does not answer");
    for (const each of [server, sentinel]) {
      await each.stop();
      rmSync(each.folder, { recursive: true });
    }
  });

  it("is left when it is no primary any more, and found again when it is one", async () => {
    const [server, sentinel] = [new RedisServer(), new RedisServer()];
    const [port, sentinelPort] = [await freePort(), await freePort()];
    await server.start("--save", "", "--port", String(port), "--bind", "127.0.0.1");
    await sentinel.watch(sentinelPort, port);
    const heard: unknown[] = [];
    const store = redisStore({
      url: "redis://the-primary",
      sentinels: [`redis://127.0.0.1:${sentinelPort}`],
      onerror: (error) => heard.push(error),
    });
    await connected(store);
    await store.openSession("s", bytes("x"), limits);
    await server.command("REPLICAOF", "127.0.0.1", "1");
    await expect(store.admit("s", 1)).rejects.toMatchObject({ code: "ERR_REDIS_REFUSED" });
    expect(String(heard.at(-1))).toContain("not a primary");
    await server.command("REPLICAOF", "NO", "ONE");
    await connected(store);
    expect(await store.admit("s", 1)).toEqual({ verdict: "gone" });
    store.close();
    for (const each of [server, sentinel]) {
      await each.stop();
      rmSync(each.folder, { recursive: true });
    }
  });

  it("by another name is refused", async () => {
    const sentinel = new RedisServer();
    const sentinelPort = await freePort();
    await sentinel.watch(sentinelPort, await freePort());
    const store = redisStore({ url: "redis://stranger", sentinels: [`redis://127.0.0.1:${sentinelPort}`] });
    await expect
      .poll(() => store.check().catch((error: unknown) => error))
      .toMatchObject({
        code: "ERR_REDIS_REFUSED",
        message: expect.stringContaining("no primary of this name"),
      });
    store.close();
    await sentinel.stop();
    rmSync(sentinel.folder, { recursive: true });
  });
});

describe("what a store in Redis refuses", () => {
  it("options that cannot be", () => {
    const client = { sendCommand: () => Promise.resolve(null) };
    for (const options of [
      {},
      { url: "http://x" },
      { url: "redis://x", client },
      { url: "x", socketPath: "y" },
      { url: "redis://x", sentinels: [] },
      { url: "redis://x", sentinels: ["http://y"] },
      { socketPath: "y", sentinels: ["redis://z"] },
    ])
      expect(() => redisStore(options)).toThrow(expect.objectContaining({ code: "ERR_REDIS_REFUSED" }));
  });

  it("answers that its scripts do not give [REQ-NODES-SEALED]", async () => {
    const refused = expect.objectContaining({ code: "ERR_REDIS_ANSWER" });
    for (const reply of [undefined, "text", 1, Buffer.alloc(70_000), [], {}])
      expect(() => bytesOf(reply)).toThrow(refused);
    for (const reply of [null, -1, 1.5, NaN, "1", 2 ** 60, 1n]) expect(() => countOf(reply)).toThrow(refused);
    for (const reply of [null, [], [1], [1, 2, 3], ["1", 2], { 0: 1, 1: 2 }])
      expect(() => pairOf(reply)).toThrow(refused);
    for (const answer of [null, 7, "x", [], [3], [[], []], [1, "x"], [1, -5]]) {
      const store = redisStore({ client: { sendCommand: () => Promise.resolve(answer) } });
      await expect(store.admit("k", 1)).rejects.toThrow(refused);
    }
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Until a replica has its primary's data. */
async function linked(replica: RedisServer): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (String(await replica.command("INFO", "replication")).includes("master_link_status:up")) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the replica does not get its data");
}
