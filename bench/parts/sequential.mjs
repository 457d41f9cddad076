/** One call at a time with the SDK's own client: what a person waits for. */
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { interleave } from "../interleave.mjs";
import { median, quantile, ratios, spread } from "../statistics.mjs";
import { BASE } from "../variants/index.mjs";
import { expectedText, toolOf } from "../workloads.mjs";

async function connect({ Client = ClientV2, transport, close }, era) {
  const modern = { versionNegotiation: { mode: { pin: "2026-07-28" } } };
  const client = new Client({ name: "bench", version: "1" }, era === "modern" ? modern : {});
  await client.connect(transport);
  return {
    client,
    async close() {
      await client.close();
      await close?.();
    },
  };
}

async function slice({ client, process }, { workload, seconds }) {
  const call = toolOf(workload);
  const expected = expectedText(workload);
  const latencies = [];
  const serverBefore = await process.cpu();
  const cpuBefore = globalThis.process.cpuUsage();
  const deadline = performance.now() + seconds * 1000;
  do {
    const started = performance.now();
    const result = await client.callTool(call);
    latencies.push(performance.now() - started);
    if (result.content?.[0]?.text !== expected) throw new Error("wrong answer");
  } while (performance.now() < deadline);
  const cpu = globalThis.process.cpuUsage(cpuBefore);
  const serverCpu = (await process.cpu()) - serverBefore;
  return {
    calls: latencies.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    serverCpu: serverCpu / latencies.length,
    clientCpu: (cpu.user + cpu.system) / latencies.length,
  };
}

export async function measureSequential(servers, { workload, era, rounds, seconds }) {
  const entries = [];
  try {
    for (const { name, process, sdkClients } of servers)
      for (const [suffix, open] of Object.entries(sdkClients))
        entries.push({ name: name + suffix, process, ...(await connect(await open(), era)) });
    const samples = await interleave(entries, {
      rounds,
      warmUp: (entry) => slice(entry, { workload, seconds }),
      measure: (entry) => slice(entry, { workload, seconds }),
    });
    return summarise(samples);
  } finally {
    for (const entry of entries) await entry.close();
  }
}

function summarise(samples) {
  const column = (name, key) => samples.get(name).map((sample) => sample[key]);
  return [...samples.keys()].map((name) => ({
    name,
    calls: column(name, "calls").reduce((sum, calls) => sum + calls, 0),
    p50: spread(column(name, "p50")),
    p50Ratio: ratios(column(name, "p50"), column(BASE, "p50")),
    p99: spread(column(name, "p99")),
    serverCpu: median(column(name, "serverCpu")),
    clientCpu: median(column(name, "clientCpu")),
    rounds: samples.get(name),
  }));
}
