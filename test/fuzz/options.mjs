import { randomInt } from "node:crypto";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

export const USAGE = `npm run fuzz -- [options]

  --inputs N       inputs in all, shared out over the targets (default 10,000,000)
  --seed N         the same seed gives the same inputs (default: drawn and printed)
  --target NAME    only targets whose name starts so; may be repeated
  --time S         stop after about so many seconds; without --inputs, as many inputs as fit
  --jobs N         processes at once (default: one for each core, at most 2)
  --replay FILE    run the input of one finding again
  --self-test      prove that broken parsers are found
  --list           name the targets
  --findings DIR   where findings are written (default: a folder for temporary files)
`;

export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      inputs: { type: "string" },
      seed: { type: "string" },
      target: { type: "string", multiple: true, default: [] },
      time: { type: "string" },
      jobs: { type: "string" },
      replay: { type: "string" },
      findings: { type: "string", default: join(tmpdir(), "trusted-mcp-fuzz") },
      "self-test": { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const time = values.time === undefined ? undefined : number(values.time, "--time");
  const inputs = values.inputs === undefined ? undefined : number(values.inputs, "--inputs");
  return {
    inputs: inputs ?? (time === undefined ? 10_000_000 : undefined),
    seed: values.seed === undefined ? randomInt(2 ** 31) : number(values.seed, "--seed"),
    targets: values.target,
    time,
    jobs: values.jobs === undefined ? Math.min(2, availableParallelism()) : number(values.jobs, "--jobs"),
    replay: values.replay,
    findings: values.findings,
    selfTest: values["self-test"],
    list: values.list,
    help: values.help,
  };
}

function number(text, name) {
  const value = Number(text.replaceAll(/[_,]/g, ""));
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} is a whole number`);
}
