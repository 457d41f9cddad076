import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

// The partners that are not in the workspace, installed once from a lock file of their own.

/** @typedef {{ file: (specifier: string) => string, node22: string }} Partners */

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
const HERE = fileURLToPath(new URL("partners/", import.meta.url));
const WINDOWS = process.platform === "win32";

/** @param {NodeJS.ProcessEnv} env of the person who runs this, for npm @returns {Partners} */
export function installPartners(env) {
  const node22 = findNode22(env);
  const lock = readFileSync(join(HERE, "package-lock.json"));
  const home = join(
    CACHE,
    "trusted-mcp-partners",
    createHash("sha256").update(lock).digest("hex").slice(0, 16),
  );
  const ready = join(home, "ready");
  if (!existsSync(ready)) {
    rmSync(home, { recursive: true, force: true });
    cpSync(HERE, home, { recursive: true });
    // npm runs with the Node that it finds first: the one that the inspector accepts.
    const PATH = `${dirname(node22)}${delimiter}${env["PATH"]}`;
    npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], home, { ...env, PATH });
    writeFileSync(ready, "");
  }
  return { node22, file: (specifier) => join(home, "node_modules", specifier) };
}

/** A Node for the inspector: this one, or the binary that test:nodes uses too. @param {NodeJS.ProcessEnv} env */
function findNode22(env) {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath;
  const family = `node-${WINDOWS ? "win" : process.platform}-${process.arch}`;
  const home = join(CACHE, "trusted-mcp-nodes", "22");
  const node = join(home, "node_modules", family, "bin", WINDOWS ? "node.exe" : "node");
  if (!existsSync(node)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), '{ "private": true }\n');
    npm(["install", "--no-save", "--no-package-lock", "--loglevel", "error", `${family}@22`], home, env);
  }
  return node;
}

/** @param {string[]} args @param {string} cwd @param {NodeJS.ProcessEnv} env */
function npm(args, cwd, env) {
  execFileSync("npm", args, { cwd, env, stdio: ["ignore", "ignore", "inherit"], shell: WINDOWS });
}
