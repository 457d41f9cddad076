import { loadFinding, saveFinding } from "./lib/finding.mjs";
import { readOptions, USAGE } from "./options.mjs";
import { planOf } from "./plan.mjs";
import { runAll, runTask } from "./pool.mjs";
import { findingText, header, row, total } from "./report.mjs";

import { selfTest } from "./self-test.mjs";
import { TARGETS } from "./targets/index.mjs";

const say = (text) => process.stdout.write(`${text}\n`);

async function fuzz(options) {
  const wanted = options.targets;
  const chosen = TARGETS.filter(
    ({ name }) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)),
  );
  if (chosen.length === 0) throw new Error("no target has this name; --list names them");
  const tasks = planOf(chosen, options);
  const started = performance.now();
  const tallies = [];
  let findings = 0;
  say(`seed ${options.seed}, ${options.jobs} processes\n${header()}`);
  await runAll(tasks, options.jobs, (_, { tally, finding }) => {
    if (tally !== undefined) {
      tallies.push(tally);
      return say(row(tally));
    }
    findings++;
    say(findingText(finding, saveFinding(finding, options.findings)));
  });
  say(total(tallies, (performance.now() - started) / 1000));
  say(findings === 0 ? "nothing found" : `${findings} findings`);
  return findings === 0 ? 0 : 1;
}

async function replay(file) {
  const { target, input } = loadFinding(file);
  const task = { name: target, seed: 0, inputs: 1, deadlineMs: null };
  const { tally, finding } = await runTask(task, { only: Buffer.from(input).toString("hex") });
  if (tally !== undefined) {
    say(`${target}: ${tally.accepted === 1 ? "accepted" : `refused with ${Object.keys(tally.codes)[0]}`}`);
    return 0;
  }
  say(findingText(finding, file));
  return 1;
}

async function run() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) say(USAGE);
  else if (options.list) for (const { name } of TARGETS) say(name);
  else if (options.selfTest) return await selfTest(options, say);
  else if (options.replay !== undefined) return await replay(options.replay);
  else return await fuzz(options);
  return 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
