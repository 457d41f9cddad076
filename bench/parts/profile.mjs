/** Where a server's CPU goes at one workload. Sampling slows it down: shares only, no rates from here. */
import { createLoad } from "../load/slice.mjs";

export async function measureProfile({ name, process, client }, { workload, era, seconds }) {
  const callers = [];
  try {
    for (let i = 0; i < workload.connections; i++) callers.push(await client.open());
    const slice = createLoad(callers, { era, workload });
    await slice(seconds);
    await process.startProfile();
    const { calls } = await slice(seconds);
    return { name, workload: workload.name, calls, functions: await process.stopProfile() };
  } finally {
    for (const caller of callers) caller.close();
  }
}

export function sharesByOwner(functions) {
  const shares = new Map();
  for (const { owner, share } of functions) shares.set(owner, (shares.get(owner) ?? 0) + share);
  return [...shares].toSorted(([, a], [, b]) => b - a);
}
