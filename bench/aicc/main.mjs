/**
 * Our AICC/0.1 server against the Python one: the same sealed 1 KB echo from the same load, interleaved, each server
 * alone on the same core while it is measured. Usage: node bench/aicc/main.mjs [--rounds N] [--seconds N]
 * [--connections N] [--primes N] [--node PATH_OF_ANOTHER_NODE_FOR_OUR_SERVER]
 *
 * With --primes 4 our server's RSA-4096 key has four primes (docs/design/0017); the Python server cannot read such a
 * key and keeps one with two.
 */
import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { keyFolder } from "../../test/interop-python/keys.mjs";
import { python, pythonServer } from "../../test/interop-python/python.mjs";
import { interleave } from "../interleave.mjs";
import { quantile, ratios, smallestVisibleEffect, spread } from "../statistics.mjs";
import { openCaller } from "./caller.mjs";
import { cpuSeconds } from "./cpu.mjs";
import { ourServerProcess } from "./our-server-process.mjs";
import { rsaFloor } from "./rsa-floor.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "16" },
    primes: { type: "string", default: "2" },
    node: { type: "string", default: process.execPath },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.seconds) * 1000;
const connections = Number(values.connections);
// The load has the other core, where there is one.
const pin = ["taskset", "-c", "0"];

const keys = keyFolder();
const ourKey = values.primes === "2" ? keys.privateKey : join(keys.folder, "ours.pem");
if (ourKey !== keys.privateKey)
  execFileSync("openssl", ["genrsa", "-primes", values.primes, "-out", ourKey, "4096"], { stdio: "ignore" });
const publicKeyOf = (path) => createPublicKey(readFileSync(path));
const started = [
  { name: "python", server: await pythonServer(keys.serverConfig, "json", { prefix: pin }) },
  { name: "python again", server: await pythonServer(keys.serverConfig, "json", { prefix: pin }) },
  { name: "ours", server: await ourServerProcess(ourKey, { prefix: pin, node: values.node }) },
];
const entries = await Promise.all(
  started.map(async ({ name, server }) => ({
    name,
    server,
    caller: await openCaller(server.url, publicKeyOf(name === "ours" ? ourKey : keys.privateKey)),
  })),
);

async function slice({ server, caller }, lanes, duration) {
  await server.resetDelay?.();
  const before = cpuSeconds(server.pid);
  const { calls, seconds, latencies } = await caller.run(lanes, duration);
  return {
    perSecond: calls / seconds,
    cpuMs: ((cpuSeconds(server.pid) - before) * 1000) / calls,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    delay: (await server.delay?.()) ?? null,
  };
}

const floor = rsaFloor({ pin, node: values.node, python: python(), ourKey, ...keys });

const warmUp = (entry) => slice(entry, connections, 1_000);
const saturated = await interleave(entries, {
  rounds,
  warmUp,
  measure: (entry) => slice(entry, connections, ms),
});
const alone = await interleave(entries, { rounds, warmUp, measure: (entry) => slice(entry, 1, ms / 2) });

const show = ({ median, min, max }, digits = 2) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
const column = (samples, name, field) => samples.get(name).map((sample) => sample[field]);

console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores; our server on ${entries[2].server.node}; Python package trustedmcp 0.0.5`,
);
console.log(
  `1 KB echo, RSA-4096 (ours with ${values.primes} primes); ${rounds} rounds; median (least to most)\n`,
);
for (const { name } of entries) {
  console.log(name);
  console.log(
    `  ${connections} connections: ${show(spread(column(saturated, name, "perSecond")), 0)} requests/s`,
  );
  console.log(`  CPU of the server:  ${show(spread(column(saturated, name, "cpuMs")))} ms per request`);
  console.log(`  one at a time: p50 ${show(spread(column(alone, name, "p50")))} ms`);
}
const ratio = (samples, name, field) =>
  ratios(column(samples, name, field), column(samples, "python", field));
const control = ratio(saturated, "python again", "perSecond");
const throughput = ratio(saturated, "ours", "perSecond");
const delay = spread(column(saturated, "ours", "delay"));
console.log(
  `\ncontrol, Python against itself: ${show(control)}; nothing nearer to 1 than ${smallestVisibleEffect(control).toFixed(2)} is a difference`,
);
console.log(
  `throughput, ours to Python's: ${show(throughput)} (target: at least 2) ${verdict(throughput.median >= 2)}`,
);
console.log(
  `CPU per request, Python's to ours: ${show(ratios(column(saturated, "python", "cpuMs"), column(saturated, "ours", "cpuMs")))}`,
);
const rest = {
  python: spread(column(saturated, "python", "cpuMs")).median - floor.python,
  ours: spread(column(saturated, "ours", "cpuMs")).median - floor.ours,
};
console.log(
  `of it RSA alone: Python's ${floor.python.toFixed(2)} ms, ours ${floor.ours.toFixed(2)} ms (the runtime's OpenSSL); ` +
    `all the rest: Python's ${rest.python.toFixed(2)} ms, ours ${rest.ours.toFixed(2)} ms, ${(rest.python / rest.ours).toFixed(1)} times less`,
);
console.log(`p50 one at a time, ours to Python's: ${show(ratio(alone, "ours", "p50"))}`);
console.log(
  `event-loop delay p99 at saturation: ${show(delay)} ms (target: under 20) ${verdict(delay.median < 20)}`,
);

function verdict(met) {
  return met ? "met" : "NOT MET";
}

for (const { server } of entries) await server.close();
keys.remove();
