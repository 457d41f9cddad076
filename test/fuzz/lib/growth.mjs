const MIB = 1024 * 1024;
/** Below this, what is measured is the engine's own coming and going. */
const LIMITS = { heap: MIB, external: 16 * MIB, rss: 32 * MIB };
const ENOUGH = 9;

/** By how many bytes `values` rise over the run, by least squares: single peaks count little. */
export function rise(values) {
  const n = values.length;
  if (n < 2) return 0;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let above = 0;
  let below = 0;
  for (const [at, value] of values.entries()) {
    above += (at - middle) * (value - mean);
    below += (at - middle) ** 2;
  }
  return (above / below) * (n - 1);
}

/**
 * What grew over a run that should not have: undefined when nothing did, or when the run was too short to
 * tell. The first third is warm-up: code is compiled, tables and the corpus fill.
 *
 * @param samples - { heap, external, rss } after a full garbage collection each, at even distances.
 */
export function grew(samples) {
  const steady = samples.slice(Math.floor(samples.length / 3));
  if (steady.length < ENOUGH) return undefined;
  const half = Math.floor(steady.length / 2);
  for (const [what, limit] of Object.entries(LIMITS)) {
    const values = steady.map((sample) => sample[what]);
    // Both the trend and the halves: a step in the middle or one late peak alone proves no leak.
    const halves = rise(values.slice(0, half)) > limit / 8 && rise(values.slice(half)) > limit / 8;
    if (rise(values) > limit && halves)
      return `${what} grew by ${(rise(values) / MIB).toFixed(1)} MiB over the last two thirds of the run`;
  }
  return undefined;
}
