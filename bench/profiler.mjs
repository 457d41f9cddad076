/** Samples where a server process spends its CPU; the inspector runs in that process and opens no port. */
import { Session } from "node:inspector/promises";

const INTERVAL_US = 200;

export async function startProfile() {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await session.post("Profiler.start");
  return async () => {
    const { profile } = await session.post("Profiler.stop");
    session.disconnect();
    return selfTimes(profile);
  };
}

/** Self time by function, as shares of the time in which the process was not idle. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === "(idle)") continue;
    const label = `${ownerOf(functionName, url)}\t${functionName || "(anonymous)"}\t${placeOf(url, lineNumber)}`;
    times.set(label, (times.get(label) ?? 0) + timeDeltas[index]);
    total += timeDeltas[index];
  }
  return [...times]
    .map(([label, time]) => {
      const [owner, name, place] = label.split("\t");
      return { owner, name, place, share: time / total };
    })
    .toSorted((a, b) => b.share - a.share);
}

function ownerOf(functionName, url) {
  if (functionName === "(garbage collector)") return "garbage collection";
  if (url.startsWith("node:internal/deps/undici")) return "node: Request, Response, Headers";
  if (url.startsWith("node:internal/webstreams")) return "node: web streams";
  if (url.startsWith("node:")) return "node: http, streams, crypto and others";
  if (url === "") return "native code";
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? packageOf(url) ?? "bench";
}

function packageOf(url) {
  const name = /packages\/([^/]+)\/dist/.exec(url)?.[1];
  return name && `@trusted-mcp/${name}`;
}

function placeOf(url, line) {
  return url === "" ? "" : `${url.split("/").slice(-2).join("/")}:${line + 1}`;
}
