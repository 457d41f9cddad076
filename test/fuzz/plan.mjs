/**
 * What to run: every target gets its share of the inputs, or of the time; the longest first, so that no core
 * waits for the last one.
 */
export function planOf(targets, { inputs, time, jobs, seed }) {
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  const costs = targets.reduce((sum, { share, cost }) => sum + share * cost, 0);
  return targets
    .map(({ name, share, cost }) => ({
      name,
      seed,
      inputs: inputs === undefined ? null : Math.max(1, Math.ceil((inputs * share) / shares)),
      deadlineMs: time === undefined ? null : deadline((time * 1000 * jobs) / targets.length),
      weight: (share * cost) / costs,
    }))
    .toSorted((a, b) => b.weight - a.weight);
}

/** Loading a target takes part of its time. */
const deadline = (ms) => Math.max(100, ms - 500);
