import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { finished, startNode, tail } from "./children.mjs";
import { withTempFolder } from "./temp-folder.mjs";

const LIMIT = 300_000;
/** A client may wait long for its turn before it does anything. */
const CLIENT_LIMIT = 240_000;
const HOOK = new URL("node20-hook.mjs", import.meta.url).href;

/**
 * @typedef {{ id: string, name: string, status: string, message?: string }} Check
 * @typedef {{ passed: number, failed: number, checks: Check[], outcome?: string, sealed?: number }} Scenario
 *   of a client also how it ended by its own account, and how many of its requests the channel carried.
 * @typedef {{ passed: number, failed: number, required: boolean, seconds: number,
 *   scenarios: Record<string, Scenario>, log?: string }} Result `required`: everything that the revision
 *   requires passed; `log`: what the programs in between wrote last.
 * @typedef {{ side: "server", url: string } | { side: "client", command: string }} Target
 */

/** The suite's program. */
export function findSuite() {
  const { resolve } = createRequire(import.meta.url);
  try {
    return join(dirname(resolve("@modelcontextprotocol/conformance/package.json")), "dist/index.js");
  } catch (cause) {
    throw new Error("@modelcontextprotocol/conformance is not installed: run npm ci, or pass --suite.", {
      cause,
    });
  }
}

/**
 * Runs one requirement set against a server, or against the client that `command` starts.
 * @param {string} suite path of the suite's program
 * @param {string} revision
 * @param {Target} target
 * @returns {Promise<Result>}
 */
export function runSuite(suite, revision, target) {
  return withTempFolder(async (out) => {
    const began = performance.now();
    const what =
      target.side === "server"
        ? ["--url", target.url]
        : ["--command", target.command, "--timeout", String(CLIENT_LIMIT)];
    const args = [target.side, ...what, "--requirements", revision, "--output-dir", out];
    const child = startNode(`conformance ${target.side} ${revision}`, ["--import", HOOK, suite, ...args]);
    const exitCode = await finished(child, LIMIT);
    const summary = parseSummary(child.log());
    if (summary === undefined) throw new Error(`${child.name} printed no summary.${tail(child)}`);
    for (const [name, scenario] of Object.entries(summary.scenarios)) {
      Object.assign(scenario, await readScenario(out, target.side === "server" ? `server-${name}` : name));
    }
    return { ...summary, required: exitCode === 0, seconds: (performance.now() - began) / 1000 };
  });
}

/**
 * Reads the suite's own summary: its counts are the ones that are compared.
 * @param {string} output
 * @returns {Pick<Result, "passed" | "failed" | "scenarios"> | undefined}
 */
export function parseSummary(output) {
  const summary = output.split(/^=== (?:SUITE )?SUMMARY ===$/m).at(-1) ?? "";
  const total = /^Total: (\d+) passed, (\d+) failed(?:, \d+ warnings)?$/m.exec(summary);
  if (total === null) return undefined;
  /** @type {Record<string, Scenario>} */
  const scenarios = {};
  const lines = /^[✓✗] (\S+): (\d+) passed, (\d+) failed(?:, \d+ warnings)?$/gm;
  for (const [, name, passed, failed] of summary.matchAll(lines)) {
    if (name !== undefined) scenarios[name] = { passed: Number(passed), failed: Number(failed), checks: [] };
  }
  return { passed: Number(total[1]), failed: Number(total[2]), scenarios };
}

/** @param {string} out @param {string} name @returns {Promise<Partial<Scenario>>} */
async function readScenario(out, name) {
  const path = join(out, name);
  // A scenario that the suite could not run at all leaves no folder: its counts still speak.
  const folders = await readdir(dirname(path)).catch(() => []);
  const timed = /-\d{4}-\d\d-\d\dT[\d-]+Z$/;
  const found = folders.find(
    (folder) => join(dirname(path), folder.replace(timed, "")) === path && timed.test(folder),
  );
  if (found === undefined) return {};
  const read = (/** @type {string} */ file) => readFile(join(dirname(path), found, file), "utf8");
  const checks = JSON.parse(await read("checks.json").catch(() => "[]"));
  return {
    checks: checks.map((/** @type {any} */ check) => ({
      id: check.id,
      name: check.name,
      status: check.status,
      ...(check.errorMessage === undefined ? {} : { message: check.errorMessage }),
    })),
    // Only clients have one.
    ...parseAccount(await read("stdout.txt").catch(() => undefined)),
  };
}

/**
 * The last line of a fixture client: its own account of how it ended.
 * @param {string | undefined} stdout
 * @returns {Pick<Scenario, "outcome" | "sealed">}
 */
export function parseAccount(stdout) {
  if (stdout === undefined) return {};
  try {
    const { outcome, sealed } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    return { outcome: String(outcome), sealed: Number(sealed) };
  } catch {
    return { outcome: "ended without a word", sealed: 0 };
  }
}
