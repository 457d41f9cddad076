import process from "node:process";
import { parseArgs } from "node:util";
import { PROGRAM, withKeys } from "./channel.mjs";
import { identical } from "./compare.mjs";
import { describe, overview, problemsOf } from "./report.mjs";
import { nameOf, play, RUNS, WAYS } from "./runs.mjs";
import { withSlots } from "./slots.mjs";
import { findSuite } from "./suite.mjs";

// The public conformance suite against our fixtures, plain and through the channel: the channel must not
// change one check. Exit code 0: identical, and plain as good as it ought to be; 1: not; 2: could not run.

const USAGE = `Usage: node test/conformance/run.mjs [--only TEXT] [--way sdk|program|all] [--plain-only] [--json]
                                     [--suite FILE] [--program FILE]

  --only TEXT     only the runs whose name contains TEXT: ${RUNS.map(nameOf).join(", ")}
  --way WAY       what the fixture's half of the channel is: the SDK (trustedListener, trustedFetch), the
                  program (serve, connect), or all; without it, both for servers and the SDK for clients
  --plain-only    leave the channel out
  --json          one JSON object on stdout; progress stays on stderr
  --suite FILE    dist/index.js of another copy of @modelcontextprotocol/conformance
  --program FILE  another build of the trusted-mcp program
`;

/** The suite starts one client per scenario, all at once; this many go on at the same time. */
const CLIENTS_AT_ONCE = 4;

/**
 * @typedef {import("./suite.mjs").Result} Result
 * @typedef {import("./runs.mjs").Run} Run
 * @typedef {import("./runs.mjs").Setting} Setting
 */

/**
 * @param {Run} run
 * @param {readonly string[]} ways
 * @param {Setting} setting
 * @returns {Promise<import("./report.mjs").Outcome>}
 */
async function compared(run, ways, setting) {
  const plain = await measured(run, "plain", setting);
  /** @type {Record<string, Result>} */
  const channel = {};
  for (const way of ways) channel[way] = await measured(run, way, setting);
  const different = Object.values(channel).filter((result) => !identical(plain, result));
  if (different.length === 0) return { run, plain, channel };
  process.stderr.write(`${nameOf(run)}: a difference; is plain equal to itself?\n`);
  for (const { log } of different) if (log) process.stderr.write(`${log}\n`);
  return { run, plain, channel, again: await measured(run, "plain", setting) };
}

/** @param {Run} run @param {string} way @param {Setting} setting */
async function measured(run, way, setting) {
  const result = await play(run, way, setting);
  const { passed, failed, seconds } = result;
  process.stderr.write(`${nameOf(run)}, ${way}: ${passed}/${failed} in ${seconds.toFixed(1)} s\n`);
  return result;
}

/** @param {Run} run @param {string | undefined} asked */
function waysOf(run, asked) {
  if (asked === "all" || (asked === undefined && run.side === "server")) return WAYS;
  return [asked ?? "sdk"];
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      way: { type: "string" },
      "plain-only": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      suite: { type: "string" },
      program: { type: "string", default: PROGRAM },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const { only, program, way, "plain-only": plainOnly } = values;
  const chosen = RUNS.filter((run) => nameOf(run).includes(only));
  if (chosen.length === 0 || ![...WAYS, "all", undefined].includes(way)) throw new Error(USAGE);
  const suite = values.suite ?? findSuite();

  const outcomes = await withKeys(program, (keys) =>
    withSlots(CLIENTS_AT_ONCE, async (slots) => {
      // Servers beside clients, and within a side one after the other.
      const sides = ["server", "client"].map(async (side) => {
        const done = [];
        for (const run of chosen.filter((each) => each.side === side)) {
          done.push(await compared(run, plainOnly ? [] : waysOf(run, way), { suite, program, keys, slots }));
        }
        return done;
      });
      return (await Promise.all(sides)).flat();
    }),
  );
  const problems = outcomes.flatMap((outcome) =>
    problemsOf(outcome).map((problem) => `${nameOf(outcome.run)}: ${problem}`),
  );
  const ok = problems.length === 0;
  if (values.json) process.stdout.write(`${JSON.stringify({ ok, problems, outcomes }, undefined, 2)}\n`);
  else {
    const good = plainOnly ? "As expected, plain." : "Identical with and without the channel.";
    const end = ok ? good : problems.join("\n");
    process.stdout.write([...outcomes.map(describe), overview(outcomes), "", end, ""].join("\n"));
  }
  process.exitCode = ok ? 0 : 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
