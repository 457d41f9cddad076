/**
 * Starts the load process. It is a child so that it can be given the run's TLS certificate as a trusted one, which
 * Node reads only when a process starts.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTlsFiles } from "./controls/tls-files.mjs";
import { nodeBinary } from "../tools/node-binary.mjs";
import { writeIdentities } from "./trusted/keys.mjs";
import { readOptions, USAGE } from "./options.mjs";

/** For one run. */
const HARD_LIMIT_MS = 15 * 60_000;

/** One run: a Node version and an era. Gives its exit code. */
async function run(options, { directory, env, node }) {
  const path = fileURLToPath(new URL("run.mjs", import.meta.url));
  const child = fork(path, [directory], { env, ...(node !== null && { execPath: node }) });
  const timer = setTimeout(() => child.kill("SIGKILL"), HARD_LIMIT_MS);
  const stop = () => child.kill("SIGTERM");
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
  child.send(options);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
  return code ?? 1;
}

async function start({ nodes, eras, json, ...options }) {
  const directory = mkdtempSync(join(tmpdir(), "trusted-mcp-bench-"));
  const results = [];
  try {
    await writeIdentities(directory);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: writeTlsFiles(directory) };
    for (const version of nodes) {
      const node = version === null ? null : nodeBinary(version);
      for (const era of eras) {
        const written = join(directory, `${results.length}.json`);
        const code = await run({ ...options, era, json: written }, { directory, env, node });
        process.exitCode ||= code;
        if (existsSync(written)) results.push(JSON.parse(readFileSync(written, "utf8")));
        // Ended from outside: what would come next is not wanted either.
        else break;
      }
    }
    if (json !== undefined) {
      const all = results.length === 1 ? results[0] : results;
      writeFileSync(json, `${JSON.stringify(all, undefined, 1)}\n`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await start(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exitCode = 2;
}
