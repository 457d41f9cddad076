// One process for one target, so that its memory is its own and a crash takes nothing else along. This
// thread only watches the one that works.
import { Worker } from "node:worker_threads";
import { describe, Finding } from "./lib/finding.mjs";

const SHARED_BYTES = 1 << 20;
const HEAP_MIB = 768;
const LOADING_MS = 60_000;

process.once("message", ({ name, seed, inputs, deadlineMs, hangMs, only, diary }) => {
  const shared = new SharedArrayBuffer(64 + SHARED_BYTES);
  const beat = new Int32Array(shared, 0, 4);
  const input = () => new Uint8Array(shared, 64, beat[1]);
  const worker = new Worker(new URL("./runner.mjs", import.meta.url), {
    workerData: {
      ...{ name, seed, shared, sharedBytes: SHARED_BYTES, diary },
      inputs: inputs ?? Infinity,
      deadlineMs: deadlineMs ?? Infinity,
      ...(only !== null && { only: new Uint8Array(Buffer.from(only, "hex")) }),
    },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });

  const finish = (message) => {
    clearInterval(watch);
    process.send(message, () => process.exit(0));
  };
  const found = (finding) =>
    finish({ finding: describe(finding, { target: name, seed, index: beat[2], input: input() }) });

  let seen = 0;
  let since = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    if (Atomics.load(beat, 0) !== seen) [seen, since] = [Atomics.load(beat, 0), now];
    else if (now - since > (seen > 0 ? hangMs : LOADING_MS))
      found(new Finding("hang", `still busy after ${hangMs} ms`));
  }, 100);

  let ended = false;
  worker.once("message", (message) => {
    ended = true;
    finish(message);
  });
  worker.once("error", (error) =>
    found(new Finding(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "crash", error.message, error)),
  );
  worker.once("exit", (code) => {
    if (!ended) found(new Finding("crash", `the worker ended with code ${code} and no result`));
  });
});
process.send({ ready: true });
