/** Where a server's CPU goes at one workload. Sampling slows it down: shares only, no rates from here. */
import { createLoad } from "../load/slice.mjs";

export async function measureProfile({ name, process, client }, { workload, era, seconds }) {
  const callers = [];
  try {
    for (let i = 0; i < workload.connections; i++) callers.push(await client.open());
    const load = createLoad(callers, { era, workload });
    await load.measure(seconds);
    load.check();
    load.prepare(seconds);
    await process.startProfile();
    const { calls } = await load.measure(seconds);
    const functions = await process.stopProfile();
    load.check();
    return { name, workload: workload.name, calls, functions };
  } finally {
    for (const caller of callers) caller.close();
  }
}

export function sharesByOwner(functions) {
  const shares = new Map();
  for (const { owner, share } of functions) shares.set(owner, (shares.get(owner) ?? 0) + share);
  return [...shares].toSorted(([, a], [, b]) => b - a);
}
