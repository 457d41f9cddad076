/**
 * What floods cost honest clients (docs/design/0014): throughput of calls under each attack against the same
 * before and after it; the server's memory at its highest; and that all is reaped afterwards, while the attacker
 * still holds its end of every connection. Fails below half of the throughput, above the memory bound, or when
 * something is left. On a busy machine throughput is noise: there the processor time that the attack takes from
 * the server decides, which is what the throughput would be less by.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { machineWork } from "../../bench/machine.mjs";
import { attacks } from "./attacks/index.mjs";
import { startChild } from "./child.mjs";
import { makeKeys } from "./keys.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    kind: { type: "string", default: "native" },
    only: { type: "string", multiple: true },
  },
});
const seconds = Number(values.seconds);
/** Growth of the server's resident memory under any one attack. */
const MEMORY_MB = 256;
const REAP_MS = 15_000;
const MB = 1_048_576;

/** Short times, so that reaping is seen within a run; everything else as users get it. */
const options = { bodyTimeoutMs: 2000, limits: { idleMs: 4000, streamIdleMs: 4000, stallMs: 2000 } };
const httpLimits = { headersTimeoutMs: 2000, requestTimeoutMs: 5000, keepAliveTimeoutMs: 3000 };

const keys = makeKeys();
const server = await startChild("server-child.mjs", { kind: values.kind, keys, options, httpLimits });
const { url } = server.facts;
const honest = await startChild("honest-child.mjs", { url, keys, callers: 8 });
const attacker = await startChild("attack-child.mjs", { url, keys });
const failures = [];

/** One slice of the honest clients, with what the server and everybody else used meanwhile. */
async function measured() {
  await server.ask("state", false);
  const [work, started] = [machineWork(), performance.now()];
  const result = await honest.ask("slice", { seconds, everyMs: 100 });
  const state = await server.ask("state", false);
  const elapsed = performance.now() - started;
  const worked = (machineWork() - work) / elapsed;
  return { ...result, serverCpu: state.cpu / 1000 / elapsed, peak: state.peak, worked };
}

console.log(
  `server ${values.kind}; calls of 1 KB by 8 honest clients without pause; attackers at lowest priority, fixed rates`,
);
console.log(
  "attack                                              | load              | calls/s without → under | ratio | costs the server | newcomers | memory  | others",
);
try {
  await measured();
  let before = await measured();
  for (const [kind, { title, unit }] of Object.entries(attacks)) {
    if (values.only !== undefined && !values.only.includes(kind)) continue;
    const clean = await server.ask("state", true);
    const attack = attacker.ask("run", { kind, seconds: seconds + 0.5 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const under = await measured();
    const { done, cpu } = await attack;
    // The server lets go first: the attacker's end stays open until it has.
    const left = await reaped(clean);
    await attacker.ask("release");
    const after = await measured();
    const base = (before.perSecond + after.perSecond) / 2;
    const ratio = under.perSecond / base;
    const perCall = (before.serverCpu + after.serverCpu) / (before.perSecond + after.perSecond);
    const cost = Math.max(0, under.serverCpu - under.perSecond * perCall);
    const others = [before, after].map((one) => one.worked - one.cpu - one.serverCpu);
    const foreign = Math.max(0, ...others) / cpus().length;
    const grown = (under.peak - clean.rss) / MB;
    before = after;
    const row = [
      title.padEnd(51),
      `${done} ${unit}`.padEnd(17),
      `${Math.round(base)} → ${Math.round(under.perSecond)}`.padEnd(23),
      ratio.toFixed(2).padStart(5),
      `${percent(cost)} of a core`.padEnd(16),
      `${under.newcomers.served} of ${under.newcomers.tried}`.padEnd(9),
      `+${Math.round(grown)} MB`.padEnd(7),
      `${percent(foreign)} (attacker ${percent(cpu)} of a core)`,
    ];
    console.log(row.join(" | "));
    // Where other programs take the processor, throughput says nothing of the attack; what it costs the server does.
    if (foreign < 0.1 && ratio < 0.5) failures.push(`${title}: honest clients kept ${ratio.toFixed(2)}`);
    if (foreign >= 0.1 && cost > 0.5)
      failures.push(`${title}: it takes ${percent(cost)} of the server's core`);
    if (grown > MEMORY_MB) failures.push(`${title}: the server grew by ${Math.round(grown)} MB`);
    if (left !== null) failures.push(`${title}: left behind ${left}`);
  }
  const { refused } = await server.ask("state", false);
  console.log(
    `refused: ${Object.entries(refused)
      .map(([code, count]) => `${code} ${count}`)
      .join(", ")}`,
  );
} finally {
  await Promise.all([attacker.stop(), honest.stop(), server.stop()]);
}
for (const failure of failures) console.error(`FAILED: ${failure}`);
if (failures.length === 0)
  console.log(`all: at least half of the throughput, at most ${MEMORY_MB} MB more, nothing left behind`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Null when descriptors, sessions and streams are back where they were; else what is left. */
async function reaped(clean) {
  const deadline = performance.now() + REAP_MS;
  for (;;) {
    await honest.ask("slice", { seconds: 0.5 });
    const now = await server.ask("state", true);
    const rest = Object.entries({ descriptors: 6, sessions: 60, streams: 0, timers: 4 })
      .map(([what, slack]) => [what, now[what] - clean[what], slack])
      .filter(([, more, slack]) => more > slack);
    if (rest.length === 0) return null;
    if (performance.now() > deadline) return rest.map(([what, more]) => `${more} ${what}`).join(", ");
  }
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
