// The worker thread that feeds one target. What it works on lies in shared memory, so that the thread which
// watches it can say what the input was when this one hangs, or dies.
import { openSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { describe, Finding } from "./lib/finding.mjs";
import { grew } from "./lib/growth.mjs";
import { Inputs } from "./lib/inputs.mjs";
import { judge, SLOW_MS } from "./lib/judge.mjs";
import { Random } from "./lib/random.mjs";
import { loadTarget } from "./targets/index.mjs";

const { name, seed, inputs, deadlineMs, shared, sharedBytes, only, diary } = workerData;
const beat = new Int32Array(shared, 0, 4);
const slot = new Uint8Array(shared, 64, sharedBytes);
const CHECKPOINTS = 36;
const file = diary === undefined ? undefined : openSync(diary, "w");

const clock = { ms: 0 };
const current = { target: name, seed, index: 0, input: new Uint8Array(0) };
let stray;
process.on("uncaughtException", (error) => (stray ??= error));
process.on("unhandledRejection", (error) => (stray ??= error));

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function run(target) {
  const inputsOf = only === undefined ? new Inputs(target, new Random(), inputs) : undefined;
  const tally = { name, inputs: 0, accepted: 0, codes: {}, slowest: 0, ms: 0, samples: [] };
  const started = performance.now();
  let checkpoint = 0;
  for (let index = 0; index < inputs; index++) {
    const input = only ?? inputsOf.next(seed, index);
    publish(index, input);
    let outcome = judge(target, input, clock);
    if (outcome instanceof Promise) outcome = await outcome;
    if (target.turns === true) await turn();
    if (stray !== undefined) throw new Finding("uncoded", `threw outside the call: ${stray}`, stray);
    if (clock.ms > tally.slowest) tally.slowest = Math.max(tally.slowest, await confirmed(target, input));
    tally.inputs++;
    if (outcome.code === undefined) tally.accepted++;
    else tally.codes[outcome.code] = (tally.codes[outcome.code] ?? 0) + 1;
    inputsOf?.learn(outcome.sort, input, index);
    if ((index & 63) !== 0) continue;
    const elapsed = performance.now() - started;
    if (elapsed > deadlineMs) break;
    // Async targets never leave the microtask queue by themselves.
    if ((index & 1023) === 0) await turn();
    const progress = Math.max(index / inputs, elapsed / deadlineMs) * CHECKPOINTS;
    if (progress >= checkpoint) {
      tally.samples.push(sample());
      checkpoint = Math.floor(progress) + 1;
    }
  }
  tally.ms = performance.now() - started;
  // Many samples need many inputs: otherwise warm-up is all there is to see.
  const growth = tally.inputs >= 20_000 || deadlineMs < Infinity ? grew(tally.samples) : undefined;
  if (growth !== undefined) throw new Finding("growth", growth);
  return tally;
}

function publish(index, input) {
  current.index = index;
  current.input = input;
  const length = Math.min(input.length, sharedBytes);
  slot.set(length === input.length ? input : input.subarray(0, length));
  beat[1] = length;
  beat[2] = index;
  Atomics.add(beat, 0, 1);
  if (file !== undefined) writeSync(file, entry(index, input), 0, undefined, 0);
}

function entry(index, input) {
  const bytes = Buffer.alloc(8 + input.length);
  bytes.writeUInt32BE(index, 0);
  bytes.writeUInt32BE(input.length, 4);
  bytes.set(input, 8);
  return bytes;
}

/** The machine may have been busy: what an input costs is the least that it ever took. */
async function confirmed(target, input) {
  let least = clock.ms;
  for (let again = 0; again < 3; again++) {
    const before = process.cpuUsage();
    await judge(target, input, clock);
    const { user, system } = process.cpuUsage(before);
    // Time in which other programs had the core does not count.
    least = Math.min(least, clock.ms, Math.max(0.001, (user + system) / 1000));
  }
  const allowed = target.slowMs ?? SLOW_MS;
  if (least > allowed)
    throw new Finding("slow", `took ${least.toFixed(1)} ms, at most ${allowed} are allowed`);
  return least;
}

function sample() {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** Stacks are most of what a refusal costs, so there are none until one is wanted. */
async function withStack(target, error) {
  Error.stackTraceLimit = 25;
  try {
    await judge(target, current.input, clock);
  } catch (again) {
    if (again.kind === error.kind) return again;
  }
  return error;
}

/** What goes wrong here is told like the rest: the handlers above would swallow it. */
async function load() {
  try {
    return await loadTarget(name);
  } catch (error) {
    throw new Finding("crash", `the target cannot be loaded: ${error}`, error);
  }
}

let target;
try {
  target = await load();
  Error.stackTraceLimit = 0;
  parentPort.postMessage({ tally: await run(target) });
} catch (error) {
  const again = target !== undefined && (error.kind === "uncoded" || error.kind === "meaning");
  const finding = again ? await withStack(target, error) : error;
  parentPort.postMessage({ finding: describe(finding, current) });
}
