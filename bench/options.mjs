import { parseArgs } from "node:util";
import { BASE, CONTROL, VARIANT_NAMES } from "./variants/index.mjs";
import { WORKLOADS } from "./workloads.mjs";

const QUICK_CONNECTIONS = 2;

export const PARTS = ["load", "sequential", "handshake", "memory"];

export const USAGE = `npm run bench -- [options]
  --seconds S    length of one slice (default 0.5)
  --rounds N     rounds per table, after a discarded warm-up (default 7)
  --only A,B     variants: ${VARIANT_NAMES.join(", ")} (${BASE} and ${CONTROL} always run)
  --workloads W  ${WORKLOADS.map((workload) => workload.name).join(", ")}
  --parts P      ${PARTS.join(", ")}, or none
  --era E        legacy (default: what SDK clients speak), modern, or legacy,modern: one run each
  --nodes N,M    Node versions, one run each; fetched through npm (default: the one that runs this)
  --profile V    also sample where these variants' servers spend their CPU, at the first of --workloads
  --json FILE    write every number there; several runs become a list
  --quick        everything once and short: shows that it runs, says nothing about speed
  --help`;

function choose(text, all, option) {
  if (text === undefined) return all;
  const chosen = text.split(",");
  const unknown = chosen.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`${option}: unknown ${unknown.join(", ")}; there are ${all.join(", ")}`);
  return all.filter((name) => chosen.includes(name));
}

function positive(text, option) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option} needs a number above 0`);
  return value;
}

export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string" },
      rounds: { type: "string" },
      only: { type: "string" },
      workloads: { type: "string" },
      parts: { type: "string" },
      era: { type: "string", default: "legacy" },
      nodes: { type: "string" },
      profile: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const quick = values.quick;
  const variants = choose(values.only, VARIANT_NAMES, "--only");
  const workloads = choose(
    values.workloads,
    WORKLOADS.map((workload) => workload.name),
    "--workloads",
  );
  const eras = choose(values.era, ["legacy", "modern"], "--era");
  const nodes = values.nodes === undefined ? [null] : values.nodes.split(",");
  if (nodes.some((version) => version !== null && !/^\d+(\.\d+){0,2}$/.test(version)))
    throw new Error("--nodes takes version numbers, such as 20,24");
  return {
    help: values.help,
    quick,
    seconds: positive(values.seconds ?? (quick ? 0.05 : 0.5), "--seconds"),
    rounds: Math.max(1, Math.round(positive(values.rounds ?? (quick ? 1 : 7), "--rounds"))),
    variants: VARIANT_NAMES.filter((name) => name === BASE || name === CONTROL || variants.includes(name)),
    workloads: WORKLOADS.filter((workload) => workloads.includes(workload.name)).map((workload) =>
      quick ? { ...workload, connections: QUICK_CONNECTIONS } : workload,
    ),
    parts: values.parts === "none" ? [] : choose(values.parts, PARTS, "--parts"),
    eras,
    nodes,
    profile: values.profile === undefined ? [] : choose(values.profile, VARIANT_NAMES, "--profile"),
    json: values.json,
  };
}
