import process from "node:process";
import { parseArgs } from "node:util";
import { withChannel } from "./channel.mjs";
import { compare, counts, identical, table } from "./compare.mjs";
import { startFixture } from "./fixture-server.mjs";
import { REQUIREMENTS, findSuite, runSuite } from "./suite.mjs";

// The public conformance suite against our fixture, plain and through serve + connect: the channel must not
// change one check. Exit code 0: identical, and plain as good as it ought to be; 1: not; 2: could not run.

const USAGE = `Usage: node test/conformance/run.mjs [--plain-only] [--json] [--suite FILE] [--program FILE]

  --plain-only    leave the channel out
  --json          one JSON object on stdout; progress stays on stderr
  --suite FILE    dist/index.js of another copy of @modelcontextprotocol/conformance
  --program FILE  another build of the trusted-mcp program
`;

/** @typedef {{ revision: string, plain: import("./suite.mjs").Result, channel?: import("./suite.mjs").Result }} Run */

/**
 * @param {string} suite
 * @param {{ plainOnly: boolean, program?: string }} options
 * @returns {Promise<Run[]>}
 */
async function runAll(suite, { plainOnly, program }) {
  /** @type {Run[]} */
  const runs = [];
  for (const revision of Object.keys(REQUIREMENTS)) {
    const plain = await withFixture((url) => measured(suite, url, revision, "plain"));
    if (plainOnly) {
      runs.push({ revision, plain });
      continue;
    }
    const channel = await withFixture((upstream) => {
      return withChannel(
        upstream,
        async (url, log) => {
          const result = await measured(suite, url, revision, "channel");
          if (!identical(plain, result)) process.stderr.write(`${log()}\n`);
          return result;
        },
        program,
      );
    });
    runs.push({ revision, plain, channel });
  }
  return runs;
}

/** A fresh fixture for each run: nothing is left over from the one before. */
async function withFixture(/** @type {(url: string) => Promise<import("./suite.mjs").Result>} */ use) {
  const fixture = await startFixture();
  try {
    return await use(fixture.url);
  } finally {
    await fixture.close();
  }
}

/** @param {string} suite @param {string} url @param {string} revision @param {string} label */
async function measured(suite, url, revision, label) {
  const result = await runSuite(suite, url, revision);
  process.stderr.write(`${revision} ${label}: ${counts(result)} in ${result.seconds.toFixed(1)} s\n`);
  return result;
}

/** @param {Run} run */
function verdict({ revision, plain, channel }) {
  const expected = REQUIREMENTS[/** @type {keyof typeof REQUIREMENTS} */ (revision)];
  const problems = [];
  if (counts(plain) !== counts(expected)) {
    problems.push(`plain: ${counts(plain)} passed/failed, expected ${counts(expected)}`);
  }
  if (!plain.required) problems.push("plain: something that the revision requires failed");
  if (channel !== undefined && !identical(plain, channel)) problems.push("the channel changes the result");
  return problems;
}

/** @param {Run} run */
function describe({ revision, plain, channel }) {
  const rows = compare(plain, channel ?? plain);
  const cells = rows.map((row) =>
    channel === undefined
      ? [row.scenario, row.plain]
      : [row.scenario, row.plain, row.channel, row.same ? "" : "DIFFERS"],
  );
  const head = channel === undefined ? ["passed/failed", "plain"] : ["passed/failed", "plain", "channel"];
  const totals = ["total", counts(plain), ...(channel === undefined ? [] : [counts(channel)])];
  const seconds = [plain, channel].flatMap((result) =>
    result === undefined ? [] : [`${result.seconds.toFixed(1)} s`],
  );
  const notes = rows
    .filter((row) => !row.same)
    .flatMap((row) => [row.scenario, ...row.notes.map((note) => `  ${note}`)]);
  return [
    `Requirements ${revision}`,
    table([head, ...cells, totals, ["time", ...seconds]]),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "",
  ].join("\n");
}

async function main() {
  const { values } = parseArgs({
    options: {
      "plain-only": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      suite: { type: "string" },
      program: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const options = { plainOnly: values["plain-only"], ...(values.program && { program: values.program }) };
  const runs = await runAll(values.suite ?? findSuite(), options);
  const problems = runs.flatMap((run) => verdict(run).map((problem) => `${run.revision}: ${problem}`));
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ok: problems.length === 0, problems, runs }, undefined, 2)}\n`);
  else {
    for (const run of runs) process.stdout.write(`${describe(run)}\n`);
    const good = values["plain-only"] ? "As expected, plain." : "Identical with and without the channel.";
    process.stdout.write(`${problems.length === 0 ? good : problems.join("\n")}\n`);
  }
  process.exitCode = problems.length === 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
