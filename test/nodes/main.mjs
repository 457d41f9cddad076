// Three nodes behind nginx, one Redis, 200 clients, 10,000 calls; nodes are killed all the time, Redis once.
// `main.mjs [--calls N] [--clients N] [--keep]`. Ends with 1 if a call ran twice, an answer was wrong, an error lied
// about whether its call may have run, or a captured request was accepted again.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { mayHaveRun, trustedFetch } from "@trusted-mcp/sdk/client";
import { freePorts, nginxAt, nodeAt, redisAt } from "./processes.mjs";
import { closeAgent, give, giveAll } from "./replay.mjs";

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    clients: { type: "string", default: "200" },
    keep: { type: "boolean", default: false },
  },
});
const CALLS = Number(values.calls);
const CLIENTS = Number(values.clients);

const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-nodes-"));
for (const name of ["server", "alice"]) await writeKeyPair(join(folder, name), await generateKey("ed25519"));
writeFileSync(join(folder, "store.key"), randomBytes(32), { mode: 0o600 });
writeFileSync(join(folder, "runs"), "");

const [front, ...ports] = await freePorts(4);
const socketPath = join(folder, "redis.sock");
const redis = redisAt(folder, socketPath);
const nodes = ports.map((port) => nodeAt(folder, port, socketPath));
const nginx = nginxAt(folder, front, ports);
const everything = [nginx, ...nodes, redis];
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
const report = { "node kills": 0, "redis restarts": 0, "replays meanwhile": 0 };

try {
  await redis.start();
  await Promise.all(nodes.map((node) => node.start()));
  await nginx.start();
  process.exitCode = await run();
} finally {
  closeAgent();
  // A killed nginx would leave its worker behind.
  await Promise.all(everything.map((each) => each.kill(each === nginx ? "SIGTERM" : "SIGKILL")));
  if (values.keep) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true });
}

async function run() {
  const identity = identityFrom(await fileSigner(join(folder, "alice.key.pem")));
  const server = pinnedServer(await loadPublicKey(join(folder, "server.pub.pem")), "server");
  const url = `http://127.0.0.1:${front}/mcp`;
  const captured = [];
  const onWire = (direction, type, bytes) => {
    if (direction === "sent") captured.push({ type, bytes: Buffer.from(bytes) });
  };
  const options = { url, audience: "https://nodes.test/mcp", identity, server, onWire, rekeyAfterMs: 5000 };
  const clients = Array.from({ length: CLIENTS }, () => trustedFetch(options));

  const outcomes = new Map();
  let left = CALLS;
  let over = false;
  const work = async (client) => {
    while (left > 0) {
      const argument = `call-${(left -= 1)}`;
      outcomes.set(argument, await outcomeOf(client, url, argument));
      // A client that fails waits a little: a call every few ms against a Redis that is away shows nothing.
      if (outcomes.get(argument).code !== undefined) await pause(50);
    }
  };
  const nemesis = Promise.all([
    killNodes(() => over),
    restartRedis(() => left < CALLS * 0.55),
    ...Array.from({ length: 4 }, () => replayMeanwhile(captured, () => over)),
  ]);
  await Promise.all(clients.map(work));
  over = true;
  await nemesis;
  const calling = seconds();
  const lines = linesOf("runs");
  const before = new Set(lines);
  const statuses = await giveAll(captured, ports);
  const later = linesOf("runs").slice(lines.length);
  const again = later.filter((argument) => before.has(argument)).length;
  // What never arrived can still arrive, once: its caller was told that it may have run.
  report["first deliveries that came late"] = later.length - again;
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  return judged(outcomes, captured, statuses, again, calling);
}

async function outcomeOf(client, url, argument) {
  const message = {
    jsonrpc: "2.0",
    id: argument,
    method: "tools/call",
    params: { name: "run", arguments: { argument } },
  };
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
  };
  try {
    const answer = await client(url, { method: "POST", headers, body: JSON.stringify(message) });
    return { text: await answer.text() };
  } catch (error) {
    return { code: String(error?.code ?? error?.name ?? error), unknown: mayHaveRun(error) };
  }
}

async function killNodes(over) {
  for (let at = 0; !over(); at += 1) {
    const node = nodes[at % nodes.length];
    await pause(1500);
    await node.kill();
    report["node kills"] += 1;
    await pause(500);
    await node.start();
  }
}

async function restartRedis(time) {
  while (!time()) await pause(20);
  await redis.kill();
  await pause(500);
  await redis.start();
  report["redis restarts"] += 1;
}

/** While all goes on: whatever was captured, to any node. What is still under way is a second copy of itself. */
async function replayMeanwhile(captured, over) {
  for (let given = 0; !over(); given += 1) {
    const each = captured[Math.floor(Math.random() * captured.length)];
    if (each !== undefined) await give(each, ports[given % ports.length]);
    report["replays meanwhile"] += 1;
    await pause(10);
  }
}

function linesOf(name) {
  return readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1);
}

function judged(outcomes, captured, statuses, again, calling) {
  const runs = new Map();
  for (const line of linesOf("runs")) runs.set(line, (runs.get(line) ?? 0) + 1);
  const count = (argument) => runs.get(argument) ?? 0;
  const all = [...outcomes];
  const wrong = all.filter(
    ([argument, { text }]) => text !== undefined && !text.includes(`"ran ${argument}"`),
  );
  const silent = all.filter(([argument, { text }]) => text !== undefined && count(argument) !== 1);
  const lies = all.filter(
    ([argument, { code, unknown }]) => code !== undefined && !unknown && count(argument) > 0,
  );
  const twice = [...runs].filter(([argument, times]) => times > 1 || !outcomes.has(argument));
  const codes = new Map();
  for (const [argument, { code, unknown }] of all) {
    if (code === undefined) continue;
    const key = `${code} (${unknown ? "may have run" : "did not run"})`;
    const [failed, ran] = codes.get(key) ?? [0, 0];
    codes.set(key, [failed + 1, ran + count(argument)]);
  }
  const answered = all.filter(([, { text }]) => text !== undefined).length;
  const rows = {
    "calls answered": `${answered} of ${CALLS} by ${CLIENTS} clients`,
    ...Object.fromEntries([...codes].map(([key, [failed, ran]]) => [key, `${failed}, of which ${ran} ran`])),
    ...report,
    "requests captured": captured.length,
    "replayed to every node": [...statuses].map(([status, times]) => `${times} × HTTP ${status}`).join(", "),
    "replays accepted": again,
    "calls that ran twice": twice.length,
    "wrong answers": wrong.length + silent.length,
    "errors that lied": lies.length,
    time: `${calling} s of calls, ${seconds()} s in all`,
  };
  for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(42)} ${value}`);
  const bad = [twice, wrong, silent, lies].flat();
  if (bad.length > 0) console.error(JSON.stringify(bad.slice(0, 10), null, 1));
  // A run in which nothing fails, or little is answered, would show nothing.
  const meaningful = answered > CALLS * 0.8 && report["node kills"] >= 3 && report["redis restarts"] === 1;
  if (!meaningful)
    console.error("too little happened, or too little was answered, for this to show anything");
  return bad.length > 0 || again > 0 || !meaningful ? 1 : 0;
}
