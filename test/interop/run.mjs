import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { withTempFolder } from "../conformance/temp-folder.mjs";
import { runLane } from "./lane.mjs";
import { installPartners } from "./partners.mjs";
import { clients } from "./plan.mjs";
import { explain, matrix } from "./report.mjs";
import { servers } from "./servers.mjs";

// Real MCP servers and clients of other people, directly and through serve + connect: nothing may differ.
// Exit code 0: nothing does; 1: something does; 2: could not run.

const USAGE = `Usage: node test/interop/run.mjs [--json] [--server NAME] [--client NAME] [--workspace-only]

  --json             one JSON object on stdout; progress stays on stderr
  --server NAME      only servers whose name contains NAME; may be repeated
  --client NAME      only clients whose name contains NAME; may be repeated
  --workspace-only   leave out the partners that are installed on the first run
`;

/** @typedef {import("./lane.mjs").Cell} Cell */

/**
 * All that a child inherits, so that a server finds the same environment behind serve as behind a client.
 * @param {string} home
 */
function reduceEnvironment(home) {
  const { PATH, SystemRoot } = process.env;
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, { PATH, HOME: home, ...(SystemRoot && { SystemRoot }) });
}

/** One after the other what would wait for the processor anyway, beside each other what mostly waits. @param {import("./plan.mjs").Client[]} all */
function split(all) {
  const groups = [/^SDK v2/, /^SDK v1/, /^(?!SDK)/].map((group) =>
    all.filter(({ name }) => group.test(name)),
  );
  return groups.filter((group) => group.length > 0);
}

async function main() {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      server: { type: "string", multiple: true, default: [""] },
      client: { type: "string", multiple: true, default: [""] },
      "workspace-only": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const partners = values["workspace-only"] ? undefined : installPartners({ ...process.env });
  const started = performance.now();
  /** @type {Cell[]} */
  const cells = [];
  await withTempFolder(async (folder) => {
    const home = join(folder, "home");
    await mkdir(home);
    reduceEnvironment(home);
    const wanted = (/** @type {string[]} */ parts, /** @type {string} */ name) =>
      parts.some((part) => name.includes(part));
    const some = clients(partners).filter(({ name }) => wanted(values.client, name));
    const lanes = servers(folder, partners)
      .filter(({ name }) => wanted(values.server, name))
      .flatMap((server) =>
        server.reset ? [{ server, some }] : split(some).map((part) => ({ server, some: part })),
      );
    await Promise.all(
      lanes.map(({ server, some }) =>
        runLane(server, some, folder, (cell) => {
          cells.push(cell);
          process.stderr.write(`${cell.client} over ${cell.front}, ${cell.server}: ${explain(cell)}\n`);
        }),
      ),
    );
  });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const same = cells.length > 0 && cells.every((cell) => cell.same === true);
  if (values.json) process.stdout.write(`${JSON.stringify({ same, seconds, cells }, undefined, 2)}\n`);
  else
    process.stdout.write(
      `${matrix(cells)}\n${same ? "Nothing differs" : "SOMETHING DIFFERS"} (${seconds} s).\n`,
    );
  process.exitCode = same ? 0 : 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`interop: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
