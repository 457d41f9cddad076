import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const JOB = fileURLToPath(new URL("./job.mjs", import.meta.url));
const HANG_MS = 10_000;

/** Runs one task in a process of its own. Resolves with { tally } or { finding }. */
export async function runTask(task, options = {}) {
  const ended = await runProcess(task, options);
  return ended.message ?? { finding: await crashed(task, options, ended) };
}

function runProcess(task, { hangMs = HANG_MS, only = null, quiet = false, diary }) {
  return new Promise((resolve) => {
    const errors = quiet || diary !== undefined ? "ignore" : "inherit";
    const child = fork(JOB, [], { execArgv: ["--expose-gc"], stdio: ["ignore", "inherit", errors, "ipc"] });
    let message;
    child.on("message", (received) => {
      // What is sent before its module has loaded could be lost.
      if (received.ready === true) child.send({ ...task, hangMs, only, diary });
      else message = received;
    });
    child.once("exit", (code, signal) => resolve({ message, end: signal ?? `exit code ${code}` }));
  });
}

/**
 * The process is gone and its memory with it. The same run again comes to the same input, and this time each
 * input is written down before it is tried.
 */
async function crashed(task, options, { end }) {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-crash-"));
  const diary = join(folder, "diary");
  const again = await runProcess(task, { ...options, diary });
  const { name: target, seed } = task;
  const found = { target, seed, kind: "crash", message: `the process ended by ${end}`, stack: "" };
  try {
    if (again.message !== undefined)
      return { ...found, index: -1, hex: "", message: `${found.message}, once` };
    const bytes = readFileSync(diary);
    const hex = bytes.subarray(8, 8 + bytes.readUInt32BE(4)).toString("hex");
    return { ...found, index: bytes.readUInt32BE(0), hex };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs all tasks, at most `jobs` at once; tells of each as it ends. */
export async function runAll(tasks, jobs, onResult, options) {
  const queue = [...tasks];
  const next = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift())
      onResult(task, await runTask(task, options));
  };
  await Promise.all(Array.from({ length: jobs }, next));
}
