import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { finished, startNode, tail } from "./children.mjs";
import { withTempFolder } from "./temp-folder.mjs";

const LIMIT = 120_000;
const HOOK = new URL("node20-hook.mjs", import.meta.url).href;

/** The requirement sets, and what the fixture reaches of them with no channel in between. */
export const REQUIREMENTS = {
  "2025-11-25": { passed: 84, failed: 0 },
  // The 30 are the tasks extension, which is optional and which the fixture does not have.
  "2026-07-28": { passed: 164, failed: 30 },
};

/**
 * @typedef {{ id: string, name: string, status: string, message?: string }} Check
 * @typedef {{ passed: number, failed: number, checks: Check[] }} Scenario
 * @typedef {{ passed: number, failed: number, required: boolean, seconds: number,
 *   scenarios: Record<string, Scenario> }} Result `required`: everything that the revision requires passed.
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
 * Runs one requirement set against a server.
 * @param {string} suite path of the suite's program
 * @param {string} url
 * @param {string} revision
 * @returns {Promise<Result>}
 */
export function runSuite(suite, url, revision) {
  return withTempFolder(async (out) => {
    const began = performance.now();
    const args = ["server", "--url", url, "--requirements", revision, "--output-dir", out];
    const child = startNode(`conformance ${revision}`, ["--import", HOOK, suite, ...args]);
    const exitCode = await finished(child, LIMIT);
    const summary = parseSummary(child.log());
    if (summary === undefined) throw new Error(`${child.name} printed no summary.${tail(child)}`);
    for (const [name, scenario] of Object.entries(summary.scenarios)) {
      scenario.checks = await readChecks(out, name);
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
  const summary = output.split("=== SUMMARY ===").at(-1) ?? "";
  const total = /^Total: (\d+) passed, (\d+) failed$/m.exec(summary);
  if (total === null) return undefined;
  /** @type {Record<string, Scenario>} */
  const scenarios = {};
  for (const [, name, passed, failed] of summary.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed$/gm)) {
    if (name !== undefined) scenarios[name] = { passed: Number(passed), failed: Number(failed), checks: [] };
  }
  return { passed: Number(total[1]), failed: Number(total[2]), scenarios };
}

/** @param {string} out @param {string} scenario @returns {Promise<Check[]>} */
async function readChecks(out, scenario) {
  const folder = new RegExp(`^server-${scenario}-\\d{4}-\\d\\d-\\d\\dT[\\d-]+Z$`);
  const found = (await readdir(out)).find((name) => folder.test(name));
  // A scenario that the suite could not run at all leaves no folder: its counts still speak.
  if (found === undefined) return [];
  const checks = JSON.parse(await readFile(join(out, found, "checks.json"), "utf8"));
  return checks.map((/** @type {any} */ check) => ({
    id: check.id,
    name: check.name,
    status: check.status,
    ...(check.errorMessage === undefined ? {} : { message: check.errorMessage }),
  }));
}
