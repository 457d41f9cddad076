/** Many callers at once: requests/s, latency, and the CPU of both processes. */
import { interleave } from "../interleave.mjs";
import { createLoad } from "../load/slice.mjs";
import { median, quantile, ratios, spread } from "../statistics.mjs";
import { BASE } from "../variants/index.mjs";

export async function measureLoad(servers, { workload, era, rounds, seconds }) {
  const entries = [];
  try {
    for (const { name, process, client } of servers) {
      const callers = [];
      entries.push({ name, process, callers });
      for (let i = 0; i < workload.connections; i++) callers.push(await client.open());
      entries.at(-1).load = createLoad(callers, { era, workload });
    }
    const samples = await interleave(entries, {
      rounds,
      warmUp: (entry) => measureSlice(entry, seconds),
      measure: (entry) => measureSlice(entry, seconds),
    });
    return summarise(samples);
  } finally {
    for (const { callers } of entries) for (const caller of callers) caller.close();
  }
}

async function measureSlice({ load, process }, seconds) {
  load.prepare(seconds);
  const cpuBefore = await process.cpu();
  const { calls, elapsed, latencies, late, clientCpu } = await load.measure(seconds);
  const serverCpu = (await process.cpu()) - cpuBefore;
  load.check();
  return {
    calls,
    rate: (calls * 1000) / elapsed,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    serverCpu: serverCpu / calls,
    clientCpu: clientCpu / calls,
    busy: serverCpu / 1000 / elapsed,
    late: late / calls,
  };
}

function summarise(samples) {
  const column = (name, key) => samples.get(name).map((sample) => sample[key]);
  return [...samples.keys()].map((name) => ({
    name,
    calls: column(name, "calls").reduce((sum, calls) => sum + calls, 0),
    rate: spread(column(name, "rate")),
    rateRatio: ratios(column(name, "rate"), column(BASE, "rate")),
    p50: spread(column(name, "p50")),
    p99: spread(column(name, "p99")),
    serverCpu: spread(column(name, "serverCpu")),
    serverCpuRatio: ratios(column(name, "serverCpu"), column(BASE, "serverCpu")),
    clientCpu: spread(column(name, "clientCpu")),
    busy: median(column(name, "busy")),
    late: median(column(name, "late")),
    rounds: samples.get(name),
  }));
}
