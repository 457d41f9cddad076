/** The Python SDK in a virtual environment of its own, made once from requirements.txt. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const VENV = here("../../node_modules/.cache/trusted-mcp-python");

/** The path of the environment's interpreter. */
export function python() {
  const requirements = here("requirements.txt");
  const mark = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const done = join(VENV, "requirements.sha256");
  const interpreter = join(VENV, "bin/python");
  if (existsSync(done) && readFileSync(done, "utf8") === mark) return interpreter;
  rmSync(VENV, { recursive: true, force: true });
  execFileSync("python3", ["-m", "venv", VENV], { stdio: "inherit" });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  execFileSync(interpreter, install, { stdio: "inherit" });
  writeFileSync(done, mark);
  return interpreter;
}

const children = new Set();
process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));

function start(script, args, options = {}) {
  const [program, ...first] = [...(options.prefix ?? []), python()];
  const child = spawn(program, [...first, here(script), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    // It writes its logs into the folder that it runs in.
    cwd: dirname(args[1]),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONUNBUFFERED: "1" },
  });
  children.add(child);
  child.log = "";
  child.stderr.on("data", (chunk) => (child.log = (child.log + chunk).slice(-20_000)));
  child.once("exit", () => children.delete(child));
  return child;
}

export async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The Python server; resolves once it answers. It needs to be told its port, which another may take first. */
export async function pythonServer(config, answers, options) {
  for (let attempt = 1; ; attempt += 1) {
    const server = await attemptServer(config, answers, options);
    if (server.url !== undefined) return server;
    if (attempt === 5 || !server.log.includes("address already in use"))
      throw new Error(`The Python server did not start:\n${server.log}`);
  }
}

async function attemptServer(config, answers, options) {
  const port = await freePort();
  const child = start("server.py", [String(port), config, answers], options);
  child.stdout.resume();
  const url = `http://127.0.0.1:${port}/mcp`;
  for (const end = Date.now() + 60_000; ;) {
    const up = await fetch(url).then(
      () => true,
      () => false,
    );
    // Somebody else's answer on a port that it could not have is not its answer.
    if (up && child.exitCode === null) break;
    if (child.exitCode !== null || Date.now() > end) {
      await stop(child);
      return { log: child.log };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, pid: child.pid, close: () => stop(child) };
}

/** The Python client, connected; `do` runs one command in it. */
export async function pythonClient(url, config) {
  const child = start("client.py", [url, config]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`The Python client ended:\n${child.log}`);
      // The SDK logs to stdout as well.
      if (!value.startsWith("{")) continue;
      const message = JSON.parse(value);
      if (message.failed) throw new Error(message.failed);
      return message.answer;
    }
  };
  await answer();
  return {
    do: async (command) => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return await answer();
    },
    close: async () => {
      child.stdin.end();
      await Promise.race([gone(child), new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
      await stop(child);
    },
  };
}

function gone(child) {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once("exit", resolve));
}

async function stop(child) {
  child.kill("SIGKILL");
  await gone(child);
}
