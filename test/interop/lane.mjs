import process from "node:process";
import { join } from "node:path";
import { mkdtemp } from "node:fs/promises";
import { stop, tail } from "../conformance/children.mjs";
import { openChannel } from "./channel.mjs";
import { runClient } from "./run-client.mjs";
import { stepsFor } from "./clients/perform.mjs";
import { overlooked, toolsIn, verdict } from "./verdict.mjs";

/**
 * @typedef {import("./plan.mjs").Client} Client
 * @typedef {import("./servers.mjs").Server} Server
 * @typedef {import("./run-client.mjs").Run} Run
 * @typedef {{ client: string, front: string, server: string, seconds: number, error?: string } & Partial<import("./verdict.mjs").Verdict>} Cell
 */

/**
 * With one direct run everything has to be equal. Only if it is not, further ones show what the server itself varies;
 * a clock may go over a minute in between, and a die show the same twice.
 */
const MAX_DIRECT_RUNS = 5;

/**
 * One server with every client, directly and through the channel, one after the other: they share its files.
 * @param {Server} server @param {readonly Client[]} clients @param {string} parent
 * @param {(cell: Cell) => void} report
 */
export async function runLane(server, clients, parent, report) {
  /** @type {import("../conformance/children.mjs").Child[]} */
  const children = [];
  const folder = await mkdtemp(join(parent, "lane-"));
  try {
    await server.reset?.();
    const target = await server.start(children);
    const fronts = await openChannel(target, folder, server.keyType, children);
    for (const client of clients) {
      if (client.servers?.includes(server.name) === false || server[client.steps].length === 0) continue;
      const scenario = {
        steps: server[client.steps],
        root: server.root,
        folder,
        brief: client.steps === "basics",
      };
      const run = async (/** @type {typeof target} */ to) => {
        await server.reset?.();
        return runClient(client.run, to, scenario);
      };
      for await (const cell of cells(
        client,
        server,
        () => run(target),
        (front) => run(fronts[front]),
      ))
        report(cell);
    }
    if (process.env["INTEROP_LOGS"]) process.stderr.write(`${children.map(tail).join("")}\n`);
  } catch (error) {
    throw new Error(`${server.name}: ${/** @type {Error} */ (error).message}${children.map(tail).join("")}`, {
      cause: error,
    });
  } finally {
    await Promise.all(children.map(stop));
  }
}

/**
 * @param {Client} client @param {Server} server
 * @param {() => Promise<Run>} runDirectly @param {(front: "stdio" | "http") => Promise<Run>} runThrough
 * @returns {AsyncGenerator<Cell>}
 */
async function* cells(client, server, runDirectly, runThrough) {
  /** @type {Run[]} */
  const direct = [];
  for (const front of client.fronts) {
    const started = performance.now();
    const name = { client: client.name, front, server: server.name };
    const seconds = () => Math.round((performance.now() - started) / 100) / 10;
    try {
      if (direct.length === 0) {
        const first = await runDirectly();
        meaningful(client, server, first);
        direct.push(first);
      }
      const channel = await runThrough(front);
      let found = verdict(direct, channel);
      while (!found.same && direct.length < MAX_DIRECT_RUNS) {
        direct.push(await runDirectly());
        found = verdict(direct, channel);
      }
      const missed = overlooked(direct, channel);
      if (missed.length > 0) throw new Error(`the comparison overlooks changes at ${missed.join(", ")}`);
      yield { ...name, seconds: seconds(), ...found };
    } catch (error) {
      yield { ...name, seconds: seconds(), error: /** @type {Error} */ (error).stack ?? String(error) };
    }
  }
}

/** Two equal failures are no success: a direct run must do what the scenario says. @param {Client} client @param {Server} server @param {Run} run */
function meaningful(client, server, run) {
  const kind = client.name.startsWith("SDK v2") ? "v2" : "v1";
  const requests = stepsFor(server[client.steps], kind).flatMap((step) =>
    "together" in step ? step.together : "method" in step ? [step] : [],
  );
  for (const [index, request] of requests.entries()) {
    const outcome = run.outcomes[index];
    const failed = outcome?.ok !== true || /** @type {any} */ (outcome.value)?.isError === true;
    if (failed !== (request.fails === true || request.cancel === true)) {
      const text = JSON.stringify({ ...request, outcome }).slice(0, 600);
      throw new Error(`without us, this ${failed ? "fails" : "succeeds"}: ${text}`);
    }
  }
  const tools = toolsIn(run);
  if (client.steps === "basics") return;
  const called = new Set(
    run.wire.exchanges
      .filter(({ method }) => method === "tools/call")
      .map(({ params }) => /** @type {any} */ (params).name),
  );
  const missing = tools.filter(
    (tool) => !called.has(tool) && !(kind === "v2" && tool === "simulate-research-query"),
  );
  if (tools.length < server.tools || missing.length > 0) {
    throw new Error(`${tools.length} of ${server.tools} tools offered; not called: ${missing.join(", ")}`);
  }
}
