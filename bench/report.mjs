/** Text tables. Every figure is the median of the rounds with the whole range behind it. */
import { sharesByOwner } from "./parts/profile.mjs";
import { CONTROL } from "./variants/index.mjs";
import { smallestVisibleEffect } from "./statistics.mjs";
import { visibleEffects } from "./targets.mjs";

/** Below this a server had time to wait: its requests/s is a lower bound, its CPU per call is not. */
const FULLY_BUSY = 0.9;

/** Above this share of requests made inside the slices, the load process worked more than it should. */
const LATE = 0.02;

function number(value) {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

const ranged = ({ median, min, max }) => `${number(median)} (${number(min)}..${number(max)})`;
const percent = (value) => (Number.isNaN(value) ? "–" : `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`);

function table(title, header, rows) {
  const cells = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => [...row[column]].length)));
  const line = (row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join("  ");
  return `\n${title}\n${line(header)}\n${widths.map((width) => "-".repeat(width)).join("  ")}\n${rows.map(line).join("\n")}`;
}

export function heading({ machine, options }) {
  const { cpu, memoryGiB, platform, node, openssl, load } = machine;
  const lines = [
    `machine   ${cpu}, ${memoryGiB} GiB, ${platform}; Node ${node}, OpenSSL ${openssl}; load average ${load.toFixed(2)}`,
    `samples   ${options.rounds} rounds of ${options.seconds} s per variant and table, interleaved, warm-up discarded; ${options.era} era`,
    "reading   median (min..max) of the rounds; × plain: ratios inside a round; keep-alive connections, loopback",
  ];
  if (options.quick) lines.push("quick     these figures show only that everything runs");
  return lines.join("\n");
}

export function loadTable(workload, rows) {
  const header = [
    "variant",
    "requests/s",
    "× plain",
    "p50 ms",
    "p99 ms",
    "server CPU µs/call",
    "× plain",
    "client CPU",
    "server busy",
  ];
  const title = `${workload.name}, ${workload.connections} connections, ${workload.send === undefined ? "result" : "both ways"}`;
  const body = rows.map((row) => [
    row.name,
    ranged(row.rate),
    ranged(row.rateRatio),
    number(row.p50.median),
    number(row.p99.median),
    ranged(row.serverCpu),
    number(row.serverCpuRatio.median),
    number(row.clientCpu.median),
    `${percent(row.busy)}${row.busy < FULLY_BUSY ? " *" : ""}`,
  ]);
  const notes = [];
  const control = rows.find((row) => row.name === CONTROL);
  if (control)
    notes.push(
      `smallest visible effect: ${percent(smallestVisibleEffect(control.rateRatio))} (${CONTROL} ÷ plain)`,
    );
  if (rows.some((row) => row.busy < FULLY_BUSY))
    notes.push(
      "* the server had to wait, for the load process or for the machine: its CPU per call is the better figure",
    );
  const late = rows.filter((row) => row.late > LATE).map((row) => `${row.name} ${percent(row.late)}`);
  if (late.length > 0) notes.push(`requests that were not made ahead: ${late.join(", ")}`);
  return `${table(title, header, body)}\n${notes.join("\n")}`;
}

export function sequentialTable(workload, rows) {
  const header = ["variant", "p50 ms", "× plain", "p99 ms", "server CPU µs/call", "client CPU", "calls"];
  const body = rows.map((row) => [
    row.name,
    ranged(row.p50),
    ranged(row.p50Ratio),
    number(row.p99.median),
    number(row.serverCpu),
    number(row.clientCpu),
    String(row.calls),
  ]);
  const control = rows.find((row) => row.name === CONTROL);
  const note = control
    ? `smallest visible effect: ${percent(smallestVisibleEffect(control.p50Ratio))} (${CONTROL} ÷ plain)`
    : "";
  return `${table(`SDK client, one call at a time, ${workload.name}`, header, body)}\n${note}`;
}

export function memoryTable(rows) {
  if (rows.length === 0) return "\nmemory: no variant here keeps sessions";
  const body = rows.map((row) => [row.name, String(row.sessions), number(row.bytes / 1024)]);
  return table("memory of an idle session, server side", ["variant", "sessions", "KiB each"], body);
}

export function handshakeTable(rows) {
  const body = rows.map((row) => [
    row.name,
    String(row.count),
    ...[row.median, row.min, row.max].map(number),
    number(row.wall),
  ]);
  return table(
    "handshake, both sides in one process, everything but the network",
    ["", "handshakes", "CPU ms", "min", "max", "elapsed ms"],
    body,
  );
}

const TOP_FUNCTIONS = 30;

export function profileTable({ name, workload, calls, functions }) {
  const owners = sharesByOwner(functions).map(([owner, share]) => [owner, percent(share)]);
  const top = functions.slice(0, TOP_FUNCTIONS);
  const rows = top.map((entry) => [entry.name, percent(entry.share), entry.place || entry.owner]);
  const title = `where ${name} spends its CPU, ${workload}, ${calls} calls`;
  return `${table(title, ["", "share"], owners)}\n${table("by function", ["", "share", "where"], rows)}`;
}

/** Above this, what other programs did to the figures is larger than what is worth reporting. */
const QUIET = 0.05;

function foreignLine(share) {
  if (share === undefined) return "other programs: this platform does not say";
  const advice = share > QUIET ? "; do not quote these figures" : "";
  return `other programs used ${percent(share)} of the machine meanwhile${advice}`;
}

export function targetTable(results) {
  const body = results.targets.map(({ what, target, got, byCpu, verdict }) => [
    what,
    target,
    got ? ranged(got) : "–",
    byCpu ? number(byCpu.median) : "–",
    verdict,
  ]);
  const lines = [table("targets", ["", "target", "got", "by CPU", "met?"], body)];
  if (!results.options.quick) {
    const { rate, p50 } = visibleEffects(results);
    lines.push(
      `smallest visible effect: ${percent(rate)} of requests/s at 1 KB, ${percent(p50)} of sequential p50`,
    );
  }
  lines.push(foreignLine(results.foreign));
  for (const failure of results.failures) lines.push(`FAILED: ${failure}`);
  lines.push(`took ${results.seconds.toFixed(0)} s`);
  return lines.join("\n");
}
