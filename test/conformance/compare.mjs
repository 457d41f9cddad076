// What two runs of the suite have in common. No I/O.

/**
 * @typedef {import("./suite.mjs").Result} Result
 * @typedef {import("./suite.mjs").Scenario} Scenario
 * @typedef {{ scenario: string, plain: string, channel: string, same: boolean, notes: string[] }} Row
 */

/** @type {Scenario} */
const ABSENT = { passed: 0, failed: 0, checks: [] };

/**
 * One row per scenario. Two scenarios are the same when they have the same counts and every check has the
 * same status: a check that changes places with another does not hide.
 * @param {Result} plain
 * @param {Result} channel
 * @returns {Row[]}
 */
export function compare(plain, channel) {
  const names = new Set([...Object.keys(plain.scenarios), ...Object.keys(channel.scenarios)]);
  return [...names].map((scenario) => {
    const left = plain.scenarios[scenario];
    const right = channel.scenarios[scenario];
    const notes = differences(left ?? ABSENT, right ?? ABSENT);
    const same = notes.length === 0 && counts(left) === counts(right);
    return { scenario, plain: counts(left), channel: counts(right), same, notes };
  });
}

/**
 * Scenarios whose requests did not all go the way that they should: equal counts say nothing about them.
 * @param {Result} plain
 * @param {Result} channel
 */
export function astray(plain, channel) {
  const wrong = (/** @type {Result} */ result, /** @type {(sealed: number) => boolean} */ right) =>
    Object.entries(result.scenarios).flatMap(([name, { sealed }]) =>
      sealed === undefined || right(sealed) ? [] : [name],
    );
  return [...wrong(plain, (sealed) => sealed === 0), ...wrong(channel, (sealed) => sealed > 0)];
}

/**
 * @param {Result} plain
 * @param {Result} channel
 */
export function identical(plain, channel) {
  return (
    plain.passed === channel.passed &&
    plain.failed === channel.failed &&
    plain.required === channel.required &&
    compare(plain, channel).every((row) => row.same)
  );
}

/** @param {{ passed: number, failed: number } | undefined} result */
export function counts(result) {
  return result === undefined ? "absent" : `${result.passed}/${result.failed}`;
}

/** @param {Scenario} left @param {Scenario} right */
function differences(left, right) {
  const before = tally(left);
  const after = tally(right);
  const ended =
    left.outcome === right.outcome ? [] : [`plain:   ${left.outcome}`, `channel: ${right.outcome}`];
  return [
    ...ended,
    ...[...before]
      .filter(([key, { times }]) => after.get(key)?.times !== times)
      .map(([, entry]) => `plain:   ${line(entry)}`),
    ...[...after]
      .filter(([key, { times }]) => before.get(key)?.times !== times)
      .map(([, entry]) => `channel: ${line(entry)}`),
  ];
}

/** How often each check ended how. INFO is left out: it tells what happened on the way, event by event. */
function tally(/** @type {Scenario} */ scenario) {
  /** @type {Map<string, { check: import("./suite.mjs").Check, times: number }>} */
  const seen = new Map();
  for (const check of scenario.checks) {
    if (check.status === "INFO") continue;
    const key = JSON.stringify([check.id, check.name, check.status]);
    seen.set(key, { check, times: (seen.get(key)?.times ?? 0) + 1 });
  }
  return seen;
}

/** @param {{ check: import("./suite.mjs").Check, times: number }} entry */
function line({ check, times }) {
  const message = check.message === undefined ? "" : ` (${check.message.split("\n")[0]?.slice(0, 200)})`;
  return `${check.status} ${check.id}${times > 1 ? ` ×${times}` : ""}${message}`;
}

/**
 * Columns of text.
 * @param {readonly string[][]} rows
 */
export function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
