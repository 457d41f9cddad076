// Two `trusted-mcp serve --store` programs behind nginx, one Redis: one client session moves between both, one program
// is killed under it, then Redis. Ends with 1 if a call ran twice, or an error did not say what it means.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts, redisAt } from "./processes.mjs";
import { makeStage, until } from "./stage.mjs";

const started = performance.now();
const [redisPort] = await freePorts(1);
const stage = await makeStage(["--store", `redis://127.0.0.1:${redisPort}`]);
const { nodes, runs, session, calls } = stage;
const redis = redisAt(stage.folder, redisPort);

try {
  const refusal = await nodes[0].start().then(
    () => "it started",
    (error) => error.message,
  );
  assert.match(refusal, /ended with 5:[^]*ERR_REDIS_UNAVAILABLE/, "without its Redis serve ends with 5");
  await redis.start();
  await stage.start();
  await run();
  console.log(`serve --store: passed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} finally {
  await stage.end();
  await redis.kill();
}

async function run() {
  const first = await session();
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
  assert.equal(await session(), first, "it is the same session all along");
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
  assert.notEqual(await session(), first, "after the store's end it is a new session");
  console.log(`replayed to both: ${await stage.replay()}; none ran again`);
  stage.judge();
}
