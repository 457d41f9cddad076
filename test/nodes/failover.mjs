// Two `serve --store --sentinel` programs, a Redis primary with one replica, three Sentinels. The replica is kept behind
// while calls run, then the primary is killed: what the promoted replica missed are the marks of requests that ran,
// exactly what would let them run again. Then the first one comes back and is made primary again.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts, program } from "./processes.mjs";
import { makeStage, until } from "./stage.mjs";

const NAME = "mymaster";
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
const [primaryPort, replicaPort, linkPort, ...sentinelPorts] = await freePorts(6);
const stage = await makeStage([
  ...["--store", `redis://${NAME}`],
  ...sentinelPorts.flatMap((port) => ["--sentinel", `redis://127.0.0.1:${port}`]),
]);
const { runs, session, calls } = stage;

function redisOn(port, ...more) {
  const dir = join(stage.folder, String(port));
  mkdirSync(dir, { recursive: true });
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""];
  return program(
    "redis-server",
    [...args, "--repl-diskless-sync-delay", "0", ...more],
    "eady to accept connections",
  );
}

function sentinelOn(port) {
  const config = join(stage.folder, `sentinel-${port}.conf`);
  const about = `${NAME} 127.0.0.1 ${primaryPort} 2`;
  // It writes its own state into this file.
  writeFileSync(
    config,
    `port ${port}
bind 127.0.0.1
sentinel monitor ${about}
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 10000
`,
  );
  return program("redis-server", [config, "--sentinel"], `+monitor master ${NAME}`);
}

/** The way from the replica to its primary, which can be held up without being cut. */
const link = createServer((near) => {
  const far = connect(primaryPort, "127.0.0.1");
  links.push(far);
  near.pipe(far).pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ])
    one.on("error", () => other.destroy()).on("close", () => other.destroy());
});
const links = [];

/** What a Redis or a Sentinel answers, as lines. */
async function ask(port, ...args) {
  const { stdout } = await promisify(execFile)("redis-cli", ["-p", String(port), ...args]);
  return stdout.trim().split("\n");
}
const linked = async (port) =>
  (await ask(port, "INFO", "replication")).some((line) => line.startsWith("master_link_status:up"));
const role = async (port) => (await ask(port, "ROLE").catch(() => ["away"]))[0];
/** The highest number that this Redis has marked in any session that it holds. */
async function marked(port) {
  const keys = (await ask(port, "KEYS", "trusted-mcp:*")).filter((key) => !key.includes(":g:"));
  // Of what is no session the answer is an error, which counts as nothing.
  const found = await Promise.all(keys.map((key) => ask(port, "HGET", key, "h")));
  return Math.max(-1, ...found.map(([each]) => Number.parseInt(each, 10)).filter(Number.isInteger));
}

const primary = redisOn(primaryPort);
const replica = redisOn(replicaPort, "--replicaof", "127.0.0.1", String(linkPort));
const returned = redisOn(primaryPort, "--replicaof", "127.0.0.1", String(replicaPort));
const sentinels = sentinelPorts.map(sentinelOn);

try {
  await new Promise((resolve) => link.listen(linkPort, "127.0.0.1", resolve));
  await primary.start();
  await replica.start();
  await until(() => linked(replicaPort));
  await Promise.all(sentinels.map((each) => each.start()));
  await until(async () => {
    const [state] = await ask(sentinelPorts[0], "SENTINEL", "CKQUORUM", NAME);
    const replicas = await ask(sentinelPorts[0], "SENTINEL", "REPLICAS", NAME);
    return state.startsWith("OK 3") && replicas.includes(String(replicaPort));
  });
  await stage.start();
  console.log(`primary, replica, three Sentinels and two programs run after ${seconds()} s`);
  await run();
  console.log(`failover: passed in ${seconds()} s`);
} finally {
  await stage.end();
  await Promise.all([...sentinels, primary, replica, returned].map((each) => each.kill()));
  link.close();
}

async function run() {
  const first = await session();
  assert.equal((await calls("before", 10)).answered, 10);
  await until(async () => (await marked(replicaPort)) === (await marked(primaryPort)));
  const known = await marked(replicaPort);

  // The stream to the replica stands still; the primary goes on and acknowledges.
  for (const far of links) far.unpipe().pause();
  assert.equal((await calls("lost", 20)).answered, 20);
  assert.ok((await marked(primaryPort)) >= known + 20);
  assert.equal(await marked(replicaPort), known, "the replica has missed what ran");
  await primary.kill();
  const away = await calls("away", 2);
  assert.ok([...away.codes].every((code) => code === "ERR_OUTCOME_UNKNOWN"));
  await until(async () => (await role(replicaPort)) === "master", 20);
  console.log(`the replica was promoted after ${seconds()} s, 20 marks behind`);
  assert.equal(await marked(replicaPort), known, "it holds the past in which they have not run");
  await until(async () => (await calls("after", 1)).answered === 1, 20);
  console.log(`replayed after the failover: ${await stage.replay()}; none ran again`);
  const second = await session();
  assert.notEqual(second, first, "it is a new session");

  // As a replica, so that Sentinel need not find out for itself, which takes it eight seconds.
  await returned.start();
  await until(() => linked(primaryPort));
  await until(async () => (await ask(sentinelPorts[0], "SENTINEL", "FAILOVER", NAME))[0] === "OK", 20);
  // For a moment there are two primaries; what one knows the other does not look at.
  await calls("between", 10);
  await until(
    async () => (await role(primaryPort)) === "master" && (await role(replicaPort)) === "slave",
    20,
  );
  await until(async () => (await calls("home", 1)).answered === 1, 20);
  assert.notEqual(await session(), second);
  assert.equal((await calls("settled", 20)).answered, 20);
  const served = new Set(
    runs()
      .filter(([argument]) => argument.startsWith("settled"))
      .map(([, node]) => node),
  );
  assert.equal(served.size, 2, "both programs found the new primary");
  console.log(`replayed after the way back: ${await stage.replay()}; none ran again`);
  stage.judge();
}
