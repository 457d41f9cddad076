const COLUMNS = [
  ["target", 22],
  ["inputs", 11],
  ["accepted", 11],
  ["refused", 11],
  ["slowest ms", 11],
  ["inputs/s", 11],
  ["RSS MiB", 9],
];

const count = (value) => Math.round(value).toLocaleString("en-GB");

function line(cells) {
  return cells
    .map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[at][1]) : cell.padStart(COLUMNS[at][1])))
    .join(" ");
}

export const header = () => line(COLUMNS.map(([name]) => name));

/** One target: a line of figures and a line of refusals by code, commonest first. */
export function row({ name, inputs, accepted, codes, slowest, ms, samples }) {
  const rss = (samples.at(-1)?.rss ?? 0) / 1024 / 1024;
  const figures = line([
    name,
    count(inputs),
    count(accepted),
    count(inputs - accepted),
    slowest.toFixed(2),
    count((inputs / ms) * 1000),
    rss.toFixed(0),
  ]);
  const refused = Object.entries(codes).toSorted(([, a], [, b]) => b - a);
  const listed = refused.map(([code, times]) => `${code} ${count(times)}`).join("  ");
  return listed === "" ? figures : `${figures}\n    ${listed}`;
}

export function findingText({ target, kind, message, index, seed, stack }, file) {
  const where = index < 0 ? "" : ` at input ${index}`;
  const trace = stack.split("\n").slice(1, 8).join("\n");
  return `FOUND in ${target}${where} (seed ${seed}): ${kind}: ${message}\n${trace}\n    replay: npm run fuzz -- --replay ${file}`;
}

export function total(tallies, seconds) {
  const sum = (pick) => tallies.reduce((all, tally) => all + pick(tally), 0);
  const slowest = Math.max(0, ...tallies.map((tally) => tally.slowest));
  return `${count(sum((tally) => tally.inputs))} inputs over ${tallies.length} targets in ${seconds.toFixed(0)} s, ${count(
    sum((tally) => tally.accepted),
  )} accepted, slowest ${slowest.toFixed(2)} ms`;
}
