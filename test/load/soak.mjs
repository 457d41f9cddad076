/**
 * Long runs (docs/design/0014). First each kind of server at saturation: resident memory after warm-up, as a robust
 * slope, the heap after garbage collection, and descriptors. Then sessions whose clients are gone and idle streams:
 * what they hold, and that they are reaped after their idle time with nobody coming after them.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { startChild } from "./child.mjs";
import { makeKeys } from "./keys.mjs";
import { median, slope } from "./statistics.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "0.5" },
    sessions: { type: "string" },
    streams: { type: "string" },
    kind: { type: "string", multiple: true, default: ["native", "wrapped"] },
  },
});
const minutes = Number(values.minutes);
const long = minutes >= 10;
const SESSIONS = Number(values.sessions ?? (long ? 10_000 : 400));
const STREAMS = Number(values.streams ?? (long ? 2000 : 100));
/** What one may hold, heap and buffers after garbage collection: ours and, for a stream, the SDK's and Node's with it. */
const SESSION_BYTES = 8192;
const STREAM_BYTES = 49_152;
/** Growth after warm-up: of memory that is in use, and of resident memory in a long run. */
const HEAP_MB_PER_MINUTE = long ? 0.5 : 10;
const RSS_MB_PER_MINUTE = 2;
const MB = 1_048_576;

const keys = makeKeys();
const failures = [];
for (const kind of values.kind) await saturation(kind, (minutes * 60) / values.kind.length);
await abandoned();
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function saturation(kind, seconds) {
  const server = await startChild("server-child.mjs", {
    kind,
    keys,
    // Newcomers leave a session each: these go while the run goes on.
    options: { limits: { idleMs: 5000 } },
  });
  const { url } = server.facts;
  const loads = await Promise.all(
    Array.from({ length: Math.max(1, availableParallelism() - 1) }, () =>
      startChild("honest-child.mjs", { url, keys, callers: 16 }),
    ),
  );
  try {
    const step = Math.max(1, Math.min(10, seconds / 60));
    const warm = Math.min(120, seconds * 0.3);
    const samples = [];
    let calls = 0;
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1000;
    while (elapsed() < seconds) {
      const slices = await Promise.all(
        loads.map((load) => load.ask("slice", { seconds: step, everyMs: 200 })),
      );
      for (const slice of slices) calls += slice.calls;
      const { usualRss, descriptors } = await server.ask("state", false);
      const { heap } = await server.ask("state", true);
      samples.push({ x: elapsed() / 60, rss: usualRss / MB, heap: heap / MB, descriptors });
    }
    const after = samples.filter(({ x }) => x * 60 >= warm);
    const line = (name) => slope(after.map((sample) => ({ x: sample.x, y: sample[name] })));
    const [rss, heap] = [line("rss"), line("heap")];
    const files = after.map(({ descriptors }) => descriptors);
    const spread = Math.max(...files) - Math.min(...files);
    console.log(
      `${kind}: ${Math.round(seconds)} s, ${calls} calls, ${Math.round(calls / elapsed())}/s; RSS ${Math.round(median(after.map((sample) => sample.rss)))} MB, slope ${rss.toFixed(2)} MB/min; heap after collection ${median(after.map((sample) => sample.heap)).toFixed(1)} MB, slope ${heap.toFixed(2)} MB/min; descriptors ${Math.min(...files)} to ${Math.max(...files)} (${after.length} samples after ${Math.round(warm)} s)`,
    );
    if (heap > HEAP_MB_PER_MINUTE) failures.push(`${kind}: the heap grows by ${heap.toFixed(2)} MB/min`);
    if (long && rss > RSS_MB_PER_MINUTE) failures.push(`${kind}: RSS grows by ${rss.toFixed(2)} MB/min`);
    if (spread > 8 * loads.length) failures.push(`${kind}: descriptors differ by ${spread}`);
  } finally {
    await Promise.all([...loads, server].map((child) => child.stop()));
  }
}

async function abandoned() {
  // Long enough that the first is still there when the last has come.
  const idleMs = long ? 180_000 : 20_000;
  const limits = {
    idleMs,
    streamIdleMs: idleMs,
    maxSessions: 2 * SESSIONS,
    maxSessionsPerPeer: 2 * SESSIONS,
    maxStreamsPerPeer: STREAMS,
  };
  const options = { limits, handshakeLimit: { burst: 1_000_000, perSecond: 1_000_000 } };
  const server = await startChild("server-child.mjs", { kind: "native", keys, options });
  const { url } = server.facts;
  const idle = await startChild("idle-child.mjs", { url, keys });
  const fresh = async () => await server.ask("state", true);
  try {
    await idle.ask("sessions", { count: 50 });
    const before = await fresh();
    await idle.ask("sessions", { count: SESSIONS });
    const opened = await fresh();
    const each = (opened.heap - before.heap) / (opened.sessions - before.sessions);
    await idle.ask("streams", { count: STREAMS });
    const streaming = await fresh();
    const perStream = (streaming.heap - opened.heap) / Math.max(1, streaming.streams);
    const reapedAfter = await until(
      async () => {
        const { sessions, streams } = await server.ask("state", false);
        return sessions === 0 && streams === 0 && (await idle.ask("open")) === 0;
      },
      idleMs * 1.5 + 30_000,
    );
    const after = await fresh();
    console.log(
      `abandoned: ${opened.sessions - before.sessions} sessions, ${Math.round(each)} bytes each, RSS +${mb(opened.rss - before.rss)} MB; ${streaming.streams} idle streams, ${Math.round(perStream)} bytes each, RSS +${mb(streaming.rss - opened.rss)} MB; idle time ${idleMs / 1000} s: ${reapedAfter === null ? "NOT reaped" : `all gone ${Math.round(reapedAfter / 1000)} s after the last came`}; heap ${mb(before.heap)} → ${mb(streaming.heap)} → ${mb(after.heap)} MB, descriptors ${before.descriptors} → ${streaming.descriptors} → ${after.descriptors}`,
    );
    if (opened.sessions < SESSIONS) failures.push(`only ${opened.sessions} sessions were open`);
    if (streaming.streams < STREAMS) failures.push(`only ${streaming.streams} streams were open`);
    if (each > SESSION_BYTES) failures.push(`an idle session holds ${Math.round(each)} bytes`);
    if (perStream > STREAM_BYTES) failures.push(`an idle stream holds ${Math.round(perStream)} bytes`);
    if (reapedAfter === null) failures.push(`left: ${after.sessions} sessions, ${after.streams} streams`);
    if (after.descriptors > before.descriptors + 4)
      failures.push(`${after.descriptors} descriptors are left`);
    // What stays: tickets, and code that the run was the first to use.
    const kept = (after.heap - before.heap) / MB;
    if (kept > 6 + (0.25 * (streaming.heap - before.heap)) / MB)
      failures.push(`${Math.round(kept)} MB are not given back`);
  } finally {
    await Promise.all([idle.stop(), server.stop()]);
  }
}

async function until(holds, ms) {
  const started = performance.now();
  while (performance.now() - started < ms) {
    if (await holds()) return performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return null;
}

function mb(bytes) {
  return Math.round(bytes / MB);
}
