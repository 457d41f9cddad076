import { FEATURES, impossible, nameOf } from "./cells.mjs";

/** @typedef {import("./cells.mjs").Cell} Cell */
/** @typedef {{ cell: Cell, outcomes: Record<string, string | null> }} Result */
/** @typedef {{ cell: Cell, feature: string, state: "ok" | "n/a" | "FAILED", why: string | null }} Verdict */

/** @param {Cell} cell */
const controlKey = (cell) => JSON.stringify({ ...cell, channel: "none" });

/**
 * Each sealed cell beside its control, the same without the channel. What the SDKs cannot do has to fail
 * there too; all else has to work in both.
 * @param {readonly Result[]} results @returns {Verdict[]}
 */
export function verdicts(results) {
  const controls = new Map(
    results.filter(({ cell }) => cell.channel === "none").map((result) => [controlKey(result.cell), result]),
  );
  return results
    .filter(({ cell }) => cell.channel !== "none")
    .flatMap(({ cell, outcomes }) => {
      const control = controls.get(controlKey(cell));
      return FEATURES.map((feature) => {
        const sealed = outcomes[feature] ?? null;
        const plain = control === undefined ? "the control is missing" : (control.outcomes[feature] ?? null);
        return { cell, feature, ...verdict(impossible(cell, feature), sealed, plain) };
      });
    });
}

/** @param {string | null} reason @param {string | null} sealed @param {string | null} plain @returns {Pick<Verdict, "state" | "why">} */
function verdict(reason, sealed, plain) {
  if (reason === null && plain !== null) return { state: "FAILED", why: `without the channel: ${plain}` };
  if (reason === null) return { state: sealed === null ? "ok" : "FAILED", why: sealed };
  if (plain === null) return { state: "FAILED", why: `works without the channel, and was not expected to` };
  if (sealed === null) return { state: "FAILED", why: `works with the channel, but not without it` };
  return { state: "n/a", why: reason };
}

/** A line for each client, server, framework and kind of answer. @param {readonly Verdict[]} all */
export function table(all) {
  /** @type {Map<string, Map<string, Verdict[]>>} */
  const rows = new Map();
  for (const one of all) {
    const { client, server, framework, answers } = one.cell;
    const row = [client, server, framework, answers === "sse" ? "SSE" : "JSON"].join("|");
    const cells = rows.get(row) ?? new Map();
    rows.set(row, cells);
    cells.set(one.feature, [...(cells.get(one.feature) ?? []), one]);
  }
  const head = ["client", "server", "framework", "answers", ...FEATURES];
  const lines = [...rows]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([row, cells]) => [
      ...row.split("|"),
      ...FEATURES.map((feature) => summary(cells.get(feature) ?? [])),
    ]);
  const widths = head.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i]?.length ?? 0)));
  const written = [head, ...lines].map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const reasons = [
    ...new Set(all.flatMap(({ state, why }) => (state === "n/a" && why !== null ? [why] : []))),
  ];
  const failures = all
    .filter(({ state }) => state === "FAILED")
    .map(({ cell, feature, why }) => `FAILED ${feature}: ${nameOf(cell)}: ${why}`);
  return [
    ...written,
    "",
    `Each cell: plain and nginx TLS front, binary and JSON frames. n/a, and the control without the channel failed too: ${reasons.join("; ") || "none"}.`,
    ...failures,
  ].join("\n");
}

/** @param {readonly Verdict[]} cells */
function summary(cells) {
  const count = (/** @type {string} */ state) => cells.filter((cell) => cell.state === state).length;
  if (count("FAILED") > 0) return `FAILED ${count("FAILED")}/${cells.length}`;
  return count("n/a") > 0 ? "n/a" : `ok ${cells.length}`;
}
