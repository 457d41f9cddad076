// The matrix: what each SDK, era, framework and front does, with the channel and without. One command:
//   npm run test:matrix [-- --json] [-- --only "Express, sse"]     exit code 1: a cell differs from its control
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cellsOf, nameOf, places } from "./cells.mjs";
import { certificate, nginx } from "./nginx.mjs";
import { proxyChecks } from "./proxies.mjs";
import { table, verdicts } from "./table.mjs";

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});

/** Cells whose name has every given word, with their controls. */
function wanted() {
  const words = values.only
    .toLowerCase()
    .split(",")
    .map((word) => word.trim());
  const matches = (/** @type {import("./cells.mjs").Cell} */ cell) =>
    words.every((word) => nameOf(cell).toLowerCase().includes(word));
  const sealed = places()
    .filter(({ channel }) => channel !== "none")
    .flatMap(cellsOf)
    .filter(matches);
  const controls = sealed.map((cell) => ({ ...cell, channel: "none" }));
  return new Set([...sealed, ...controls].map((cell) => JSON.stringify(cell)));
}

/** @param {string} folder @param {(text: string) => void} say */
async function run(folder, say) {
  const chosen = wanted();
  if (chosen.size === 0) throw new Error(`No cell has "${values.only}" in its name.`);
  const tls = certificate(folder);
  const used = places().filter((place) => cellsOf(place).some((cell) => chosen.has(JSON.stringify(cell))));
  const count = Math.max(1, Math.min(2, availableParallelism(), used.length));
  const workers = Array.from({ length: count }, (_, worker) => {
    const own = used.filter((__, index) => index % count === worker);
    const child = fork(fileURLToPath(new URL("worker.mjs", import.meta.url)), {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: tls.cert },
    });
    return { child, own };
  });
  /** @type {import("./table.mjs").Result[]} */
  const results = [];
  const front = { stop: async () => {} };
  try {
    const ports = await Promise.all(
      workers.map(async ({ child, own }) => {
        child.send({ places: own });
        const [message] = await once(child, "message");
        return /** @type {{ ports: number[] }} */ (message).ports;
      }),
    );
    const upstreams = ports.flatMap((all, worker) =>
      all.map((port, index) => ({ name: `w${worker}-${index}`, port })),
    );
    const proxy = await nginx(folder, tls, upstreams);
    front.stop = proxy.stop;
    const ended = workers.map(async ({ child, own }, worker) => {
      child.on("message", (/** @type {any} */ message) => {
        if (message.cell === undefined) return;
        results.push(message);
        if (results.length % 50 === 0) say(`${results.length} of ${chosen.size} cells`);
      });
      const fronts = own.map((_, index) => proxy.url(`w${worker}-${index}`));
      child.send({ fronts, wanted: [...chosen] });
      const [code] = await once(child, "exit");
      if (code !== 0) throw new Error(`a process of the matrix ended with ${code}`);
    });
    await Promise.all(ended);
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
    await front.stop();
  }
  const proxies = values.only === "" ? await proxyChecks(folder, tls) : [];
  return { verdicts: verdicts(results), proxies, cells: results.length };
}

const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-matrix-"));
const started = Date.now();
try {
  const found = await run(folder, (text) => process.stderr.write(`${text}\n`));
  const failed =
    found.verdicts.filter(({ state }) => state === "FAILED").length +
    found.proxies.filter(({ ok }) => !ok).length;
  const seconds = Math.round((Date.now() - started) / 1000);
  if (values.json) process.stdout.write(`${JSON.stringify({ failed, seconds, ...found }, null, 1)}\n`);
  else {
    const lines = found.proxies.map(
      ({ name, ok, found: what }) => `${ok ? "ok    " : "FAILED"}  ${name}: ${what}`,
    );
    process.stdout.write(`${table(found.verdicts)}\n\n${lines.join("\n")}\n`);
    process.stdout.write(
      `${found.cells} cells, ${found.verdicts.length} results, ${failed} failed, ${seconds} s\n`,
    );
  }
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
