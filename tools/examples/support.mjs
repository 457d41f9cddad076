import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The root of this repository, with a slash at the end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
let failures = 0;

/** How many checks failed so far. */
export function problems() {
  return failures;
}

/** @param {string} what @param {unknown} holds @param {string} [seen] */
export function check(what, holds, seen) {
  console.log(`${holds ? "ok    " : "FAILED"} ${what}`);
  if (holds) return;
  failures++;
  if (seen !== undefined) console.log(`       ${seen.trimEnd().replace(/\n/g, "\n       ")}`);
}

/** A clean copy of one example, with the packages that its package.json names. */
export class Copy {
  /** @type {Set<import("node:child_process").ChildProcess>} */
  #running = new Set();

  /** @param {string} folder @param {string} home */
  constructor(folder, home) {
    this.folder = folder;
    const bin = join(folder, "node_modules", ".bin");
    /** No colour, no config of this machine's user, and the program's own Node first. */
    this.env = {
      PATH: [dirname(process.execPath), bin, process.env.PATH].join(delimiter),
      HOME: home,
      USERPROFILE: home,
      NO_COLOR: "1",
      npm_config_offline: "true",
      npm_config_update_notifier: "false",
    };
    this.readme = readFileSync(join(folder, "README.md"), "utf8");
  }

  /** The commands of the README, one by line. */
  get documented() {
    return [...this.readme.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, text = ""]) =>
      text.trim().split("\n"),
    );
  }

  /**
   * Runs a command of the README to its end; `change` puts another port or file in.
   * @param {string} command @param {{ change?: (command: string) => string, env?: Record<string, string> }} [options]
   */
  async run(command, options = {}) {
    const child = this.#start(command, options);
    const timer = setTimeout(() => end(child, "SIGKILL"), 30_000);
    await once(child, "close");
    clearTimeout(timer);
    return { code: child.exitCode, stdout: child.out, stderr: child.err };
  }

  /**
   * Starts a command of the README that stays, and waits until it says `ready`.
   * @param {string} command @param {RegExp} ready
   * @param {{ change?: (command: string) => string, env?: Record<string, string> }} [options]
   */
  async serve(command, ready, options = {}) {
    const child = this.#start(command, options);
    for (const limit = Date.now() + 20_000; !ready.test(child.out + child.err);) {
      if (child.exitCode !== null || Date.now() > limit)
        throw new Error(`"${command}" did not start:\n${child.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return {
      log: () => child.err,
      stop: async () => {
        end(child, "SIGTERM");
        if (child.exitCode === null && child.signalCode === null) await once(child, "close");
        return child.exitCode;
      },
    };
  }

  /** Ends whatever is still running. */
  stop() {
    for (const child of this.#running) end(child, "SIGKILL");
  }

  /** @param {string} command @param {{ change?: (command: string) => string, env?: Record<string, string> }} options */
  #start(command, { change = (same) => same, env = {} }) {
    check(`README says: ${command}`, this.documented.includes(command));
    // The shell hands over to the command: its exit code and its signals are the command's own.
    const child = spawn(`${process.platform === "win32" ? "" : "exec "}${change(command)}`, {
      cwd: this.folder,
      env: { ...this.env, ...env },
      shell: true,
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what the shell started ends with it.
      detached: process.platform !== "win32",
    });
    const started = Object.assign(child, { out: "", err: "" });
    child.stdout.setEncoding("utf8").on("data", (text) => (started.out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (started.err += text));
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
    return started;
  }
}

/** @param {import("node:child_process").ChildProcess} child @param {NodeJS.Signals} signal */
function end(child, signal) {
  if (child.pid === undefined || child.exitCode !== null) return;
  if (process.platform === "win32") child.kill(signal);
  else process.kill(-child.pid, signal);
}

/** @param {string} name @param {(copy: Copy) => Promise<void>} use */
export async function inCopy(name, use) {
  console.log(`\n${name}`);
  const temporary = mkdtempSync(join(tmpdir(), "trusted-mcp-example-"));
  const folder = join(temporary, name);
  const unwanted = /(^|[/\\])node_modules|\.pem$/;
  cpSync(join(root, "examples", name), folder, {
    recursive: true,
    filter: (path) => !unwanted.test(path.slice(root.length)),
  });
  // What `npm install` would put there; the published packages are tested by test:pack.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const copy = new Copy(folder, temporary);
  const stop = () => {
    copy.stop();
    rmSync(temporary, { recursive: true, force: true });
  };
  process.once("exit", stop);
  try {
    checkDependencies(folder);
    await use(copy);
  } catch (error) {
    check(`${name} runs to its end`, false, error instanceof Error ? error.stack : String(error));
  } finally {
    stop();
    process.off("exit", stop);
  }
}

/**
 * What a file imports must be in the example's own package.json, in the versions that this workspace tests.
 * @param {string} folder
 */
function checkDependencies(folder) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const [name, range] of Object.entries(dependencies)) {
    const { version } = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"));
    check(`package.json asks for ${name} as it is tested, ^${version}`, range === `^${version}`, range);
  }
  for (const file of readdirSync(folder).filter((each) => each.endsWith(".mjs"))) {
    const imports = readFileSync(join(folder, file), "utf8").matchAll(/from "([^"]+)"/g);
    const names = [...imports].map(([, from = ""]) => from).filter((from) => !from.startsWith("."));
    const strange = names.filter((from) => !isBuiltin(from) && !(packageOf(from) in dependencies));
    check(`${file} imports only what package.json names`, strange.length === 0, strange.join(", "));
  }
}

/** @param {string} from */
function isBuiltin(from) {
  return from.startsWith("node:") && builtinModules.includes(from.slice(5));
}

/** @param {string} from */
function packageOf(from) {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}

/** A loopback port that nobody uses now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
