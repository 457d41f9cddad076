/** The load process: starts the servers, runs the parts, prints, and ends everything it started. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { describeMachine, foreignShare, machineWork } from "./machine.mjs";
import { measureHandshakes } from "./parts/handshake.mjs";
import { measureLoad } from "./parts/load.mjs";
import { measureMemory } from "./parts/memory.mjs";
import { measureProfile } from "./parts/profile.mjs";
import { measureSequential } from "./parts/sequential.mjs";
import {
  handshakeTable,
  heading,
  loadTable,
  memoryTable,
  profileTable,
  sequentialTable,
  targetTable,
} from "./report.mjs";
import { startServerProcess } from "./server-process.mjs";
import { judge } from "./targets.mjs";
import { LEGACY_ONLY, loadVariant } from "./variants/index.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** The sequential part calls with the 1 KB message, the size that the targets speak of. */
const SEQUENTIAL_WORKLOAD = WORKLOADS.find((workload) => workload.name === "1K");

/** All at once: each is a process, which takes longer to load than it then costs. */
async function startServers(names, context, failures) {
  const wanted = names.filter((name) => context.era === "legacy" || !LEGACY_ONLY.includes(name));
  const started = await Promise.all(
    wanted.map((name) =>
      startServer(name, context).catch((error) => {
        failures.push(`${name} did not start: ${error instanceof Error ? error.message : error}`);
        return null;
      }),
    ),
  );
  return started.filter((server) => server !== null);
}

async function startServer(name, context) {
  const variant = await loadVariant(name);
  const process = await startServerProcess(name, context);
  return {
    name,
    process,
    client: await variant.client(process.facts, context),
    sdkClients: variant.sdkClients?.(process.facts, context) ?? {},
    ...(variant.openIdle && { openIdle: () => variant.openIdle(process.facts, context) }),
  };
}

async function run(options, directory) {
  const started = performance.now();
  const workBefore = machineWork();
  const results = { machine: describeMachine(), options, load: {}, failures: [] };
  const { seconds, rounds, era, quick } = options;
  let own = 0;
  console.log(heading(results));
  const servers = await startServers(options.variants, { era, directory }, results.failures);
  try {
    if (options.parts.includes("load"))
      for (const workload of options.workloads) {
        results.load[workload.name] = await measureLoad(servers, { workload, era, rounds, seconds });
        console.log(loadTable(workload, results.load[workload.name]));
      }
    if (options.parts.includes("sequential")) {
      const workload = SEQUENTIAL_WORKLOAD;
      results.sequential = await measureSequential(servers, { workload, era, rounds, seconds });
      console.log(sequentialTable(workload, results.sequential));
    }
    for (const server of servers.filter(({ name }) => options.profile.includes(name))) {
      const profile = await measureProfile(server, {
        workload: options.workloads[0],
        era,
        seconds: seconds * 4,
      });
      console.log(profileTable(profile));
      (results.profiles ??= []).push(profile);
    }
    if (options.parts.includes("memory")) {
      results.memory = await measureMemory(servers, { sessions: quick ? 5 : 500 });
      console.log(memoryTable(results.memory));
    }
  } finally {
    for (const server of servers) own += await server.process.cpu().catch(() => 0);
    await Promise.all(servers.map(({ process }) => process.stop()));
  }
  if (options.parts.includes("handshake")) {
    results.handshake = await measureHandshakes({ quick });
    console.log(handshakeTable(results.handshake));
  }
  const { user, system } = process.cpuUsage();
  const elapsed = performance.now() - started;
  results.foreign = foreignShare({
    worked: machineWork() - workBefore,
    own: (own + user + system) / 1000,
    elapsed,
  });
  results.targets = judge(results);
  results.seconds = elapsed / 1000;
  console.log(targetTable(results));
  return results;
}

const [options] = await once(process, "message");
process.disconnect();
try {
  const results = await run(options, process.argv[2]);
  writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`);
  process.exitCode = results.failures.length === 0 ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
