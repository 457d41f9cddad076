import { runTask } from "./pool.mjs";

/** What must be found in which broken parser (targets/broken.mjs), and within how many inputs. */
const BROKEN = [
  ["broken-not-at-all", undefined, 60_000],
  ["broken-uncoded", "uncoded", 200_000],
  ["broken-canonical", "canonical", 20_000],
  ["broken-meaning", "meaning", 20_000],
  ["broken-hang", "hang", 200_000],
  ["broken-slow", "slow", 50_000],
  ["broken-memory", "memory", 20_000],
  ["broken-growth", "growth", 60_000],
  ["broken-crash", "crash", 200_000],
  ["broken-stray", "uncoded", 200_000],
];
const HANG_MS = 2000;
/**
 * Growth needs a whole run, and a signal may end the process an input later; everything else is in one input,
 * which must show it again.
 */
const SHOWN_BY_ONE_INPUT = new Set(["uncoded", "canonical", "meaning", "hang", "slow", "memory"]);

/** Proves that the harness finds what it is there to find, and nothing in a parser that is right. */
export async function selfTest({ seed }, say) {
  let failed = 0;
  for (const [name, expected, inputs] of BROKEN) {
    const task = { name, seed, inputs, deadlineMs: null };
    const { finding } = await runTask(task, { hangMs: HANG_MS, quiet: true });
    const again =
      expected !== undefined && SHOWN_BY_ONE_INPUT.has(expected) ? await replayed(task, finding) : expected;
    const holds = finding?.kind === expected && again === expected;
    if (!holds) failed++;
    const found =
      finding === undefined ? "nothing" : `${finding.kind} at input ${finding.index}: ${finding.message}`;
    say(`${holds ? "as it must be" : "NOT AS IT MUST BE"}  ${name.padEnd(18)} ${found}`);
  }
  say(failed === 0 ? "the harness finds what is broken" : `${failed} checks failed (seed ${seed})`);
  return failed === 0 ? 0 : 1;
}

async function replayed(task, finding) {
  if (finding === undefined) return undefined;
  const options = { hangMs: HANG_MS, only: finding.hex, quiet: true };
  return (await runTask({ ...task, inputs: 1 }, options)).finding?.kind;
}
