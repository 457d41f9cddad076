/**
 * Starts the load process. It is a child so that it can be given the run's TLS certificate as a trusted one, which
 * Node reads only when a process starts.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTlsFiles } from "./controls/tls-files.mjs";
import { writeIdentities } from "./trusted/keys.mjs";
import { readOptions, USAGE } from "./options.mjs";

const HARD_LIMIT_MS = 15 * 60_000;

async function start(options) {
  const directory = mkdtempSync(join(tmpdir(), "trusted-mcp-bench-"));
  await writeIdentities(directory);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: writeTlsFiles(directory) };
  const child = fork(fileURLToPath(new URL("run.mjs", import.meta.url)), [directory], { env });
  const timer = setTimeout(() => child.kill("SIGKILL"), HARD_LIMIT_MS);
  child.send(options);
  child.once("exit", (code) => {
    clearTimeout(timer);
    rmSync(directory, { recursive: true, force: true });
    process.exitCode = code ?? 1;
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => child.kill(signal));
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await start(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exitCode = 2;
}
