/** What the project promised itself, and whether this run shows it. */
import { ratios, smallestVisibleEffect, spread } from "./statistics.mjs";
import { CONTROL } from "./variants/index.mjs";

/** What `key` of the rounds at `workload` says, by variant. */
function rounds(results, workload, key, name) {
  return results.load[workload]?.find((row) => row.name === name)?.rounds.map((round) => round[key]);
}

function ratioOf(results, workload, key, above, below) {
  const [over, base] = [above, below].map((name) => rounds(results, workload, key, name));
  return over === undefined || base === undefined ? undefined : ratios(over, base);
}

function sequentialRatio(results, name, base) {
  const p50 = (row) => results.sequential?.find((one) => one.name === row)?.rounds.map((round) => round.p50);
  const [over, below] = [p50(name), p50(base)];
  return over === undefined || below === undefined ? undefined : ratios(over, below);
}

function idleMemory(results, name) {
  const row = results.memory?.find((candidate) => candidate.name === name);
  return row === undefined ? undefined : spread([row.bytes / 1024]);
}

function handshakeCpu(results, name) {
  const row = results.handshake?.find((candidate) => candidate.name === name);
  return row === undefined ? undefined : spread(row.cpu);
}

/** Native ML-KEM exists from Node 24. */
const HANDSHAKE_LIMIT_MS = Number.parseInt(process.versions.node, 10) >= 24 ? 1.5 : 5;

/**
 * `noise` names the control that says how far the figure can be trusted; CPU times and memory have only their own
 * spread. `byCpu` is the same comparison by what a call costs the server, however fast calls come in.
 */
const rate = (workload, above, below, least) => ({
  what: `${above}, ${workload}, requests/s ÷ ${below}`,
  least,
  noise: { workload, key: "rateRatio" },
  read: (results) => ratioOf(results, workload, "rate", above, below),
  byCpu: (results) => ratioOf(results, workload, "serverCpu", below, above),
});
const sequential = (name, most, base = "plain") => ({
  what: `${name}, SDK client, sequential p50 ÷ ${base}`,
  most,
  noise: { workload: null, key: "p50Ratio" },
  read: (results) => sequentialRatio(results, name, base),
});
const handshake = (name) => ({ read: (results) => handshakeCpu(results, name) });
const memory = (name) => ({
  what: `${name}, heap of an idle session, KiB`,
  most: 8,
  read: (results) => idleMemory(results, name),
});

const WRAPPED = ["wrapped", "wrapped-web"];

/** Of "Everywhere MCP runs, at the price of TLS", part 5; those against aicc and of handshakes are older. */
export const TARGETS = [
  rate("1K", "native", "plain", 2.5),
  ...WRAPPED.flatMap((name) => [rate("1K", name, "plain", 1), rate("1K", name, "tls", 1)]),
  rate("1K", "v1-wrapped", "v1", 1),
  rate("1K", "v1-listener", "v1", 1),
  rate("64K", "native", "plain", 1),
  rate("64K", "wrapped", "plain", 1),
  rate("1M", "native", "plain", 0.8),
  rate("1M", "wrapped", "plain", 0.8),
  sequential("native, own transport", 0.5),
  sequential("native", 1),
  sequential("wrapped", 1),
  sequential("wrapped, own transport", 1),
  sequential("v1-wrapped", 1, "v1"),
  memory("native"),
  memory("wrapped"),
  rate("1K", "wrapped", "aicc", 20),
  rate("1K", "native", "aicc", 20),
  { what: "handshake, Ed25519, CPU ms of both sides", most: HANDSHAKE_LIMIT_MS, ...handshake("ed25519") },
  {
    what: "handshake, RSA-4096 keys, CPU ms of both sides",
    most: HANDSHAKE_LIMIT_MS,
    ...handshake("rsa-4096"),
  },
];

/** The smallest effect that a table of this run can show. */
function visibleEffect(results, { workload, key }) {
  const rows = workload === null ? results.sequential : results.load[workload];
  const control = rows?.find((row) => row.name === CONTROL)?.[key];
  return control === undefined ? Number.NaN : smallestVisibleEffect(control);
}

export function visibleEffects(results) {
  return {
    rate: visibleEffect(results, { workload: "1K", key: "rateRatio" }),
    p50: visibleEffect(results, { workload: null, key: "p50Ratio" }),
  };
}

export function judge(results) {
  return TARGETS.map(({ what, least, most, noise, read, byCpu }) => {
    const target = least === undefined ? `≤ ${most}` : `≥ ${least}`;
    const got = read(results);
    if (got === undefined) return { what, target, verdict: "not run" };
    if (results.options.quick) return { what, target, got, verdict: "not judged" };
    const limit = least ?? most;
    const met = least === undefined ? got.median <= most : got.median >= least;
    const blur = noise === undefined ? (got.max - got.min) / 2 : limit * visibleEffect(results, noise);
    const tooClose = Math.abs(got.median - limit) < blur;
    const verdict = `${met ? "yes" : "NO"}${tooClose ? ", but within the noise" : ""}`;
    return { what, target, got, byCpu: byCpu?.(results), verdict };
  });
}
