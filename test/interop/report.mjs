// The result for people. No I/O.

/** @typedef {import("./lane.mjs").Cell} Cell */

/** @param {Cell} cell */
export function explain(cell) {
  if (cell.error !== undefined) return `could not run: ${cell.error}`;
  const { results, verbatim, questions, notifications, varying = [], differences = [], seconds } = cell;
  const counts = `${results} results (${verbatim} the same byte for byte), ${questions} questions, ${notifications} notifications`;
  const head = `${cell.same ? "the same" : "DIFFERENT"}: ${counts}; ${varying.length} places vary without us (${seconds} s)`;
  return [head, ...differences.map(difference)].join("\n  ");
}

/** @param {{ path: string, direct: string, channel: string }} found */
function difference({ path, direct, channel }) {
  const from = Math.max(0, [...direct].findIndex((character, index) => character !== channel[index]) - 40);
  const cut = (/** @type {string} */ text) => text.slice(from, from + 200);
  return `${path}\n    direct:  ${cut(direct)}\n    channel: ${cut(channel)}`;
}

/** @param {readonly Cell[]} cells */
export function matrix(cells) {
  const servers = [...new Set(cells.map(({ server }) => server))];
  const rows = [...new Set(cells.map(rowOf))].map((row) => [
    row,
    ...servers.map((server) => short(cells.find((cell) => rowOf(cell) === row && cell.server === server))),
  ]);
  const head = ["tools called/offered, results", ...servers];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** @param {Cell} cell */
function rowOf({ client, front }) {
  return `${client} over ${front === "stdio" ? "stdio" : "HTTP"}`;
}

/** @param {Cell | undefined} cell */
function short(cell) {
  if (cell === undefined) return "";
  if (cell.error !== undefined) return "FAILED";
  const counts = `${cell.called}/${cell.tools}, ${cell.results}`;
  return cell.same ? `= ${counts}` : `≠ ${counts}`;
}
