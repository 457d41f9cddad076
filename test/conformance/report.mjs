import { astray, compare, counts, table } from "./compare.mjs";
import { nameOf, WAYS } from "./runs.mjs";

// What came out, in words. No I/O.

/**
 * @typedef {import("./suite.mjs").Result} Result
 * @typedef {{ run: import("./runs.mjs").Run, plain: Result, channel: Record<string, Result>, again?: Result }} Outcome
 *   `channel`: by way; `again`: the second plain run, which tells a difference that the channel makes from one
 *   that it does not.
 */

/** @param {Result} plain @param {Result} other */
const differences = (plain, other) => compare(plain, other).filter((row) => !row.same);

/** Why a run fails. @param {Outcome} outcome @returns {string[]} */
export function problemsOf({ run, plain, channel, again }) {
  const problems = [];
  const plains = again === undefined ? [plain] : [plain, again];
  if (plains.every((each) => counts(each) !== counts(run))) {
    problems.push(`plain: ${counts(plain)} passed/failed, expected ${counts(run)}`);
  }
  if (plains.every(({ required }) => !required)) {
    problems.push("plain: something that the revision requires failed");
  }
  for (const [way, result] of Object.entries(channel)) {
    if (plains.every(({ required }) => required !== result.required)) {
      problems.push(`${way}: the suite's verdict is another one`);
    }
    const lost = astray(plain, result);
    if (lost.length > 0) problems.push(`${way}: requests did not go where they should: ${lost.join(", ")}`);
    // What plain does to itself is no difference of the channel's, if the channel did one of the two things.
    const unlike = new Set((again ? differences(again, result) : []).map(({ scenario }) => scenario));
    const changed = differences(plain, result).filter(({ scenario }) => unlike.has(scenario));
    if (changed.length === 0) continue;
    problems.push(`${way}: the channel changes ${changed.map(({ scenario }) => scenario).join(", ")}`);
  }
  return problems;
}

/** Scenarios that end differently with no channel at all. @param {Outcome} outcome */
const unstable = ({ plain, again }) => (again === undefined ? [] : differences(plain, again));

/** One run, scenario by scenario. @param {Outcome} outcome */
export function describe(outcome) {
  const { run, plain, channel } = outcome;
  const results = [plain, ...Object.values(channel)];
  const differing = Object.entries(channel).map(([way, result]) => ({
    way,
    rows: differences(plain, result),
  }));
  const names = [...new Set(results.flatMap(({ scenarios }) => Object.keys(scenarios)))];
  const lines = names.map((name) => [
    name,
    ...results.map(({ scenarios }) => counts(scenarios[name])),
    differing.some(({ rows }) => rows.some(({ scenario }) => scenario === name)) ? "DIFFERS" : "",
  ]);
  const notes = (/** @type {import("./compare.mjs").Row[]} */ rows) =>
    rows.flatMap((row) => [row.scenario, ...row.notes.map((note) => `  ${note}`)]);
  const shaky = unstable(outcome);
  return [
    nameOf(run),
    table([
      ["passed/failed", "plain", ...Object.keys(channel)],
      ...lines,
      ["total", ...results.map(counts)],
      ["time", ...results.map(({ seconds }) => `${seconds.toFixed(1)} s`)],
    ]),
    "",
    ...differing.flatMap(({ way, rows }) =>
      rows.length === 0 ? [] : [`Through the channel (${way}):`, ...notes(rows), ""],
    ),
    ...(shaky.length === 0
      ? []
      : ["UNSTABLE, two runs without the channel differ (the second one as channel):", ...notes(shaky), ""]),
  ].join("\n");
}

/** All runs, one line each. @param {readonly Outcome[]} outcomes */
export function overview(outcomes) {
  return table([
    ["passed/failed", "plain", ...WAYS],
    ...outcomes.map((outcome) => [
      nameOf(outcome.run),
      counts(outcome.plain),
      ...WAYS.map((way) => (outcome.channel[way] === undefined ? "-" : counts(outcome.channel[way]))),
      problemsOf(outcome).length > 0 ? "FAILS" : unstable(outcome).length > 0 ? "UNSTABLE" : "",
    ]),
  ]);
}
