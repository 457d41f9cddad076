/** A process of its own, asked over IPC: both ends. It ends with whoever started it. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** @param file - beside this one. */
export async function startChild(file, settings) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: ["--expose-gc"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const waiting = new Map();
  let asked = 0;
  child.on("message", ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(value);
    else reject?.(new Error(`${file}: ${error}`));
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended (${code})`));
    waiting.clear();
  });
  const ask = (what, value) =>
    new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      child.send({ id: asked, what, value });
    });
  const stop = async () => {
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    await exited;
    clearTimeout(timer);
  };
  try {
    return { facts: await ask("start", settings), ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The child's end: `start` is asked first. */
export function serveParent(answers) {
  process.on("message", async ({ id, what, value }) => {
    try {
      process.send?.({ id, value: await answers[what](value) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  });
  process.once("disconnect", () => process.exit());
}

/** Microseconds of processor time since the last call. */
export function cpuMeter() {
  let before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    return user + system;
  };
}
