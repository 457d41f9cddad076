import process from "node:process";
import { parseArgs } from "node:util";
import { PROGRAM, withKeys } from "./channel.mjs";
import { astray, compare, counts, identical, table } from "./compare.mjs";
import { nameOf, plainly, RUNS, throughChannel } from "./runs.mjs";
import { withSlots } from "./slots.mjs";
import { findSuite } from "./suite.mjs";

// The public conformance suite against our fixtures, plain and through the channel: the channel must not
// change one check. Exit code 0: identical, and plain as good as it ought to be; 1: not; 2: could not run.

const USAGE = `Usage: node test/conformance/run.mjs [--only TEXT] [--way sdk|program] [--plain-only] [--json]
                                     [--suite FILE] [--program FILE]

  --only TEXT     only the runs whose name contains TEXT: ${RUNS.map(nameOf).join(", ")}
  --way WAY       how clients are connected: trustedFetch (sdk, the default) or connect --listen (program);
                  serve is at the other end of both
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
 * @typedef {{ run: Run, plain: Result, channel?: Result, again?: Result }} Outcome
 *   `again`: the second plain run, which tells a difference that the channel makes from one that it does not.
 */

/** @param {Run} run @param {import("./runs.mjs").Setting} setting @param {boolean} plainOnly @returns {Promise<Outcome>} */
async function both(run, setting, plainOnly) {
  const plain = await measured(run, "plain", () => plainly(run, setting));
  if (plainOnly) return { run, plain };
  const channel = await measured(run, "channel", () => throughChannel(run, setting));
  if (identical(plain, channel)) return { run, plain, channel };
  process.stderr.write(`${nameOf(run)}: the two differ; is plain equal to itself?\n${channel.log ?? ""}\n`);
  return { run, plain, channel, again: await measured(run, "plain again", () => plainly(run, setting)) };
}

/** @param {Run} run @param {string} label @param {() => Promise<Result>} measure */
async function measured(run, label, measure) {
  const result = await measure();
  process.stderr.write(`${nameOf(run)}, ${label}: ${counts(result)} in ${result.seconds.toFixed(1)} s\n`);
  return result;
}

/** Why a run fails. @param {Outcome} outcome */
function problemsOf({ run, plain, channel, again }) {
  const problems = [];
  if (counts(plain) !== counts(run)) {
    problems.push(`plain: ${counts(plain)} passed/failed, expected ${counts(run)}`);
  }
  if (!plain.required) problems.push("plain: something that the revision requires failed");
  if (channel === undefined) return problems;
  const lost = astray(plain, channel);
  if (lost.length > 0) problems.push(`not on the way they should go: ${lost.join(", ")}`);
  // What plain does to itself is no difference of the channel's, if the channel did one of the two things.
  const differs = compare(plain, channel).filter((row) => !row.same);
  const unlike = again === undefined ? [] : compare(again, channel).filter((row) => !row.same);
  const real = differs.filter((row) => unlike.some(({ scenario }) => scenario === row.scenario));
  if (real.length > 0) problems.push(`the channel changes ${real.map((row) => row.scenario).join(", ")}`);
  return problems;
}

/** Scenarios that end differently with no channel at all. @param {Outcome} outcome */
const unstable = ({ plain, again }) =>
  again === undefined ? [] : compare(plain, again).filter((row) => !row.same);

/** @param {Outcome} outcome */
function describe(outcome) {
  const { run, plain, channel, again } = outcome;
  const rows = compare(plain, channel ?? plain);
  const cells = rows.map((row) =>
    channel === undefined
      ? [row.scenario, row.plain]
      : [row.scenario, row.plain, row.channel, row.same ? "" : "DIFFERS"],
  );
  const results = [plain, ...(channel === undefined ? [] : [channel])];
  const lines = [
    nameOf(run),
    table([
      ["passed/failed", "plain", ...(channel === undefined ? [] : ["channel"])],
      ...cells,
      ["total", ...results.map(counts)],
      ["time", ...results.map(({ seconds }) => `${seconds.toFixed(1)} s`)],
    ]),
    "",
  ];
  const notes = (/** @type {import("./compare.mjs").Row[]} */ differing) =>
    differing
      .filter((row) => !row.same)
      .flatMap((row) => [row.scenario, ...row.notes.map((note) => `  ${note}`)]);
  lines.push(...notes(rows));
  if (again !== undefined) {
    const shaky = unstable(outcome);
    if (shaky.length > 0) lines.push("UNSTABLE: two runs without the channel differ (the second as channel)");
    lines.push(...notes(shaky), "");
  }
  return lines.join("\n");
}

/** @param {readonly Outcome[]} outcomes */
function overview(outcomes) {
  return table([
    ["passed/failed", "plain", "channel", ""],
    ...outcomes.map((outcome) => [
      nameOf(outcome.run),
      counts(outcome.plain),
      outcome.channel === undefined ? "left out" : counts(outcome.channel),
      problemsOf(outcome).length > 0 ? "FAILS" : unstable(outcome).length > 0 ? "unstable" : "",
    ]),
  ]);
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      way: { type: "string", default: "sdk" },
      "plain-only": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      suite: { type: "string" },
      program: { type: "string", default: PROGRAM },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const chosen = RUNS.filter((run) => nameOf(run).includes(values.only));
  if (chosen.length === 0 || !["sdk", "program"].includes(values.way)) throw new Error(USAGE);
  const { program, way } = values;
  const suite = values.suite ?? findSuite();

  const outcomes = await withKeys(program, (keys) =>
    withSlots(CLIENTS_AT_ONCE, async (slots) => {
      const setting = { suite, program, keys, slots, way };
      /** One after the other. @param {readonly Run[]} runs */
      const lane = async (runs) => {
        /** @type {Outcome[]} */
        const done = [];
        for (const run of runs) done.push(await both(run, setting, values["plain-only"]));
        return done;
      };
      const sides = ["server", "client"].map((side) => chosen.filter((run) => run.side === side));
      return (await Promise.all(sides.map(lane))).flat();
    }),
  );
  const problems = outcomes.flatMap((outcome) =>
    problemsOf(outcome).map((problem) => `${nameOf(outcome.run)}: ${problem}`),
  );
  const ok = problems.length === 0;
  if (values.json) process.stdout.write(`${JSON.stringify({ ok, problems, outcomes }, undefined, 2)}\n`);
  else {
    const good = values["plain-only"] ? "As expected, plain." : "Identical with and without the channel.";
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
