import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {{ name: string, process: import("node:child_process").ChildProcess, log(): string }} Child */

/** @type {Set<Child>} */
const running = new Set();

// Whatever ends this process, no child stays behind.
process.once("exit", () => {
  for (const child of running) child.process.kill("SIGKILL");
});
for (const [signal, code] of /** @type {const} */ ([
  ["SIGINT", 130],
  ["SIGTERM", 143],
])) {
  process.once(signal, () => process.exit(code));
}

/**
 * Starts `node ARGS…`. Its input stays open and empty, so that a program that reads it is not told to end.
 * @param {string} name
 * @param {readonly string[]} args
 * @returns {Child}
 */
export function startNode(name, args) {
  const started = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  for (const stream of [started.stdout, started.stderr]) {
    stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      log = (log + text).slice(-1_000_000);
    });
  }
  started.stdin.on("error", () => undefined);
  started.on("error", (error) => {
    log += String(error);
  });
  const child = { name, process: started, log: () => log };
  running.add(child);
  started.once("close", () => running.delete(child));
  return child;
}

/**
 * The exit code; a child that takes too long is killed and reported.
 * @param {Child} child
 * @param {number} limit in ms
 */
export async function finished(child, limit) {
  const timer = setTimeout(() => child.process.kill("SIGKILL"), limit);
  if (running.has(child)) await once(child.process, "close");
  clearTimeout(timer);
  const { exitCode } = child.process;
  if (exitCode === null) throw new Error(`${child.name} did not end within ${limit / 1000} s.${tail(child)}`);
  return exitCode;
}

/** @param {Child} child */
export async function stop(child) {
  if (!running.has(child)) return;
  child.process.kill("SIGTERM");
  const timer = setTimeout(() => child.process.kill("SIGKILL"), 3000);
  await once(child.process, "close");
  clearTimeout(timer);
}

/** A loopback port that nobody uses now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no TCP port.");
  return address.port;
}

/**
 * Waits until the child answers TCP on the port, and not longer than it lives.
 * @param {number} port
 * @param {Child} child
 * @param {number} [limit] in ms
 */
export async function listening(port, child, limit = 15_000) {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    if (!running.has(child)) throw new Error(`${child.name} ended before it listened.${tail(child)}`);
    if (await answers(port)) return;
    await sleep(50);
  }
  throw new Error(`${child.name} did not listen on port ${port} within ${limit / 1000} s.${tail(child)}`);
}

/**
 * Waits until the child has written `pattern`, and gives the match.
 * @param {Child} child
 * @param {RegExp} pattern
 * @param {number} [limit] in ms
 * @returns {Promise<string>}
 */
export async function printed(child, pattern, limit = 60_000) {
  const { stdout, stderr } = child.process;
  const late = AbortSignal.timeout(limit);
  for (;;) {
    const match = pattern.exec(child.log())?.[0];
    if (match !== undefined) return match;
    if (!running.has(child)) throw new Error(`${child.name} ended before it was ready.${tail(child)}`);
    if (late.aborted) throw new Error(`${child.name} was not ready within ${limit / 1000} s.${tail(child)}`);
    const heard = new AbortController();
    const signal = AbortSignal.any([heard.signal, late]);
    const news = [child.process, stdout, stderr].flatMap((source) =>
      source === null ? [] : [once(source, source === child.process ? "close" : "data", { signal })],
    );
    await Promise.race(news).catch(() => undefined);
    heard.abort();
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** The end of what a child wrote, for an error message. @param {Child} child */
export function tail(child) {
  const lines = child.log().trimEnd().split("\n").slice(-20);
  return lines.join("") === "" ? "" : `\n${lines.map((line) => `  ${child.name}: ${line}`).join("\n")}`;
}
