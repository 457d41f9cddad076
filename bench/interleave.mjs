/** Two warm-up passes: in the first, what all variants share in this process is cold for the first one. */
const WARM_UP_PASSES = 2;

/**
 * Rounds A B C … then C B A: every variant meets the same minute of the machine, and a slow drift inside a round
 * favours the first as often as the last.
 */
export async function interleave(entries, { rounds, warmUp, measure }) {
  for (let pass = 0; pass < WARM_UP_PASSES; pass++) for (const entry of entries) await warmUp(entry);
  const samples = new Map(entries.map((entry) => [entry.name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? entries : entries.toReversed();
    for (const entry of order) samples.get(entry.name).push(await measure(entry));
  }
  return samples;
}
