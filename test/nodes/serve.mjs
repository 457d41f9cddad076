// Two `trusted-mcp serve --store` programs behind nginx, one Redis: one client session moves between both, one program
// is killed under it, then Redis. Ends with 1 if a call ran twice, or an error did not say what it means.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { mayHaveRun, trustedFetch } from "@trusted-mcp/sdk/client";
import { freePorts, nginxAt, program, redisAt } from "./processes.mjs";
import { closeAgent, giveAll } from "./replay.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-serve-store-"));
const file = (name) => join(folder, name);
for (const name of ["server", "alice"]) await writeKeyPair(file(name), await generateKey("ed25519"));
writeFileSync(file("store.key"), randomBytes(32), { mode: 0o600 });
writeFileSync(file("runs"), "");

const [front, redisPort, ...ports] = await freePorts(4);
const url = `http://127.0.0.1:${front}/mcp`;
const serveAt = (port, store = `redis://127.0.0.1:${redisPort}`) =>
  program(
    process.execPath,
    [
      at("../../packages/trusted-mcp/bin/trusted-mcp.js"),
      ...["serve", "--port", String(port), "--audience", url, "--key", file("server.key.pem")],
      ...["--allow", file("alice.pub.pem"), "--store", store, "--store-key", file("store.key")],
      ...["--", process.execPath, at("counting-server.mjs"), file("runs")],
    ],
    "/mcp\n",
  );

const redis = redisAt(folder, redisPort);
const nodes = ports.map((port) => serveAt(port));
const nginx = nginxAt(folder, front, ports);
const started = performance.now();

const captured = [];
const channel = trustedFetch({
  url,
  identity: identityFrom(await fileSigner(file("alice.key.pem"))),
  server: pinnedServer(await loadPublicKey(file("server.pub.pem")), "server"),
  onWire: (direction, type, bytes) => {
    if (direction === "sent") captured.push({ type, bytes: Buffer.from(bytes) });
  },
});
// Of this era, because sessions of the era before live in one process.
const client = new Client(
  { name: "test", version: "1" },
  { versionNegotiation: { mode: { pin: "2026-07-28" } } },
);

try {
  const store = await startFails(serveAt(ports[0]));
  assert.match(store, /ended with 5:/, "serve without its Redis ends with 5");
  assert.match(store, /ERR_REDIS_UNAVAILABLE/);
  await redis.start();
  await Promise.all(nodes.map((node) => node.start()));
  await nginx.start();
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: channel }));
  await run();
  console.log(`passed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} finally {
  await client.close().catch(() => undefined);
  closeAgent();
  await nginx.kill("SIGTERM");
  // A program that is killed leaves its server to notice that its input ended.
  await Promise.all([...nodes, redis].map((each) => each.kill("SIGTERM")));
  rmSync(folder, { recursive: true });
}

async function run() {
  const first = (await channel.session()).session;
  const moving = await calls("moving", 40);
  assert.equal(moving.answered, 40, "all calls are answered while all is well");
  const served = new Set(runs().map(([, node]) => node));
  assert.equal(served.size, 2, "both programs served the one session");

  const [survivor, victim] = nodes;
  const storm = calls("killed", 60, 20);
  await pause(30);
  await victim.kill();
  const killed = await storm;
  const alone = await calls("alone", 10);
  assert.equal(alone.answered, 10, "the other program goes on with the session");
  await victim.start();
  const again = await calls("again", 20);
  assert.equal(again.answered, 20, "a program that was started again serves the session");
  assert.equal((await channel.session()).session, first, "it is the same session all along");
  console.log(
    `a program killed: ${killed.answered} of 60 calls answered, ${killed.unknown} may have run, ${killed.not} did not`,
  );

  await redis.kill();
  const away = await calls("away", 3);
  assert.equal(away.answered, 0, "nothing runs without the store");
  assert.deepEqual([...away.codes], ["ERR_OUTCOME_UNKNOWN"], "and the error says what can be said");
  assert.equal(runs().filter(([argument]) => argument.startsWith("away")).length, 0);
  assert.match(survivor.output, /the store is not connected code=ECONNREFUSED/);
  await redis.start();
  await until(async () => (await calls("back", 1)).answered === 1);
  assert.notEqual((await channel.session()).session, first, "after the store's end it is a new session");

  const before = runs().length;
  const statuses = await giveAll(captured, ports);
  const late = runs().slice(before);
  const known = new Set(
    runs()
      .slice(0, before)
      .map(([argument]) => argument),
  );
  assert.deepEqual(
    late.filter(([argument]) => known.has(argument)),
    [],
    "no captured request runs again",
  );
  const count = new Map();
  for (const [argument] of runs()) count.set(argument, (count.get(argument) ?? 0) + 1);
  assert.deepEqual(
    [...count].filter(([, times]) => times > 1),
    [],
    "no call ran twice",
  );
  for (const node of nodes) assert.doesNotMatch(node.output, /ERR_INTERNAL|bug in trusted-mcp|Error:/);
  console.log(
    `replayed to both: ${[...statuses].map(([status, times]) => `${times} × HTTP ${status}`).join(", ")}; none ran`,
  );
}

/** Makes calls, some at a time; each error is held against what really ran. */
async function calls(name, count, width = 4) {
  const found = { answered: 0, unknown: 0, not: 0, codes: new Set() };
  let left = count;
  const work = async () => {
    while (left > 0) {
      const argument = `${name}-${(left -= 1)}`;
      try {
        const { content } = await client.callTool({ name: "run", arguments: { argument } });
        assert.equal(content[0].text, `ran ${argument}`);
        found.answered += 1;
      } catch (error) {
        const cause = coded(error);
        assert.ok(cause !== undefined, `an error without a code: ${error}`);
        const ran = runs().some(([each]) => each === argument);
        assert.ok(mayHaveRun(cause) || !ran, `${argument} ran, but ${cause.code} says that it did not`);
        found[mayHaveRun(cause) ? "unknown" : "not"] += 1;
        found.codes.add(cause.code);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return found;
}

/** The channel's error, which the SDK may have wrapped. */
function coded(error) {
  for (let link = error; link instanceof Error; link = link.cause)
    if (String(link.code).startsWith("ERR_")) return link;
  return undefined;
}

function runs() {
  const lines = readFileSync(file("runs"), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => line.split(" "));
}

async function startFails(node) {
  try {
    await node.start();
  } catch (error) {
    return error.message;
  }
  throw new Error("it started");
}

async function until(holds) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error("it did not come to hold within 10 s");
}
