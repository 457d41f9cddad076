/** What the project promised itself, and whether this run shows it. */
import { ratios, smallestVisibleEffect, spread } from "./statistics.mjs";
import { CONTROL } from "./variants/index.mjs";

function rateRatio(results, above, below) {
  const rows = results.load["1K"];
  const rates = (name) => rows?.find((row) => row.name === name)?.rounds.map((round) => round.rate);
  const [over, base] = [rates(above), rates(below)];
  return over === undefined || base === undefined ? undefined : ratios(over, base);
}

/** The same comparison by what a call costs the server, which does not depend on how fast calls come in. */
function cpuRatio(results, above, below) {
  const rows = results.load["1K"];
  const costs = (name) => rows?.find((row) => row.name === name)?.rounds.map((round) => round.serverCpu);
  const [over, base] = [costs(above), costs(below)];
  return over === undefined || base === undefined ? undefined : ratios(base, over);
}

function sequentialRatio(results, name) {
  return results.sequential?.find((row) => row.name === name)?.p50Ratio;
}

function handshakeCpu(results, name) {
  const row = results.handshake?.find((candidate) => candidate.name === name);
  return row === undefined ? undefined : spread(row.cpu);
}

/** Native ML-KEM exists from Node 24. */
const HANDSHAKE_LIMIT_MS = Number.parseInt(process.versions.node, 10) >= 24 ? 1.5 : 5;

/** `noise` names the control that says how far the figure can be trusted; CPU times have only their own spread. */
const rate = (above, below) => ({
  noise: "rate",
  read: (results) => rateRatio(results, above, below),
  byCpu: (results) => cpuRatio(results, above, below),
});
const sequential = (name) => ({ noise: "p50", read: (results) => sequentialRatio(results, name) });
const handshake = (name) => ({ read: (results) => handshakeCpu(results, name) });

/** Of issue "Everywhere MCP runs, at the price of TLS", part 5; the handshake's are of the issue before it. */
export const TARGETS = [
  { what: "wrapped, 1 KB, requests/s ÷ plain", least: 1, ...rate("wrapped", "plain") },
  { what: "native, 1 KB, requests/s ÷ plain", least: 2.5, ...rate("native", "plain") },
  { what: "wrapped, 1 KB, requests/s ÷ aicc", least: 20, ...rate("wrapped", "aicc") },
  { what: "native, 1 KB, requests/s ÷ aicc", least: 20, ...rate("native", "aicc") },
  { what: "SDK client → wrapped, sequential p50 ÷ plain", most: 1, ...sequential("wrapped") },
  { what: "SDK client → native, sequential p50 ÷ plain", most: 1, ...sequential("native") },
  {
    what: "own transport → native, sequential p50 ÷ plain",
    most: 0.5,
    ...sequential("native, own transport"),
  },
  { what: "handshake, Ed25519, CPU ms of both sides", most: HANDSHAKE_LIMIT_MS, ...handshake("ed25519") },
  {
    what: "handshake, RSA-4096 keys, CPU ms of both sides",
    most: HANDSHAKE_LIMIT_MS,
    ...handshake("rsa-4096"),
  },
];

export function visibleEffects(results) {
  const control = (rows, key) => rows?.find((row) => row.name === CONTROL)?.[key];
  const effect = (value) => (value === undefined ? Number.NaN : smallestVisibleEffect(value));
  return {
    rate: effect(control(results.load["1K"], "rateRatio")),
    p50: effect(control(results.sequential, "p50Ratio")),
  };
}

export function judge(results) {
  const effects = visibleEffects(results);
  return TARGETS.map(({ what, least, most, noise, read, byCpu }) => {
    const target = least === undefined ? `≤ ${most}` : `≥ ${least}`;
    const got = read(results);
    if (got === undefined) return { what, target, verdict: "not run" };
    if (results.options.quick) return { what, target, got, verdict: "not judged" };
    const limit = least ?? most;
    const met = least === undefined ? got.median <= most : got.median >= least;
    const blur = noise === undefined ? (got.max - got.min) / 2 : limit * effects[noise];
    const tooClose = Math.abs(got.median - limit) < blur;
    const verdict = `${met ? "yes" : "NO"}${tooClose ? ", but within the noise" : ""}`;
    return { what, target, got, byCpu: byCpu?.(results), verdict };
  });
}
