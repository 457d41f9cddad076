import { mkdtemp, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { conversation } from "./tap/record.mjs";
import { tapHttp } from "./tap/http.mjs";

/**
 * @typedef {{ command: string, args: string[], env?: Record<string, string>, kill?: boolean }} StdioTarget
 * @typedef {{ url: string }} HttpTarget
 * @typedef {(StdioTarget | HttpTarget) & { quiet: () => Promise<void> }} TappedTarget
 * @typedef {{ steps: readonly import("./servers/steps.mjs").Step[], root: string, folder: string, brief: boolean }} Scenario
 * @typedef {(target: TappedTarget, scenario: Scenario) => Promise<import("./clients/perform.mjs").Outcome[]>} RunClient
 * @typedef {{
 *   outcomes: import("./clients/perform.mjs").Outcome[],
 *   wire: Omit<import("./tap/record.mjs").Conversation, "verbatim">,
 *   verbatim: (string | undefined)[],
 *   brief: boolean,
 * }} Run what the client's user got, and what passed between the client and its side of the wire
 */

const TAP = fileURLToPath(new URL("wiretap.mjs", import.meta.url));
/** A server may still have something to say after its last answer. */
const QUIET_MS = 150;
const QUIET_LIMIT_MS = 3000;

/**
 * One client, once through the scenario, with a wiretap right behind it.
 * @param {RunClient} client @param {StdioTarget | HttpTarget} target @param {Scenario} scenario
 * @returns {Promise<Run>}
 */
export async function runClient(client, target, scenario) {
  const tap = "url" in target ? await overHttp(target.url) : await overStdio(target, scenario.folder);
  try {
    const outcomes = await client({ ...tap.target, quiet: () => quiet(tap.last) }, scenario);
    const { verbatim, ...wire } = merge((await tap.read()).map(conversation));
    return { outcomes, wire, verbatim, brief: scenario.brief };
  } finally {
    await tap.close();
  }
}

/** @param {string} url */
async function overHttp(url) {
  const tap = await tapHttp(url);
  return {
    target: { url: tap.url },
    last: async () => tap.last(),
    read: async () => tap.read(),
    close: tap.close,
  };
}

/** @param {StdioTarget} target @param {string} parent */
async function overStdio({ command, args, env, kill }, parent) {
  const folder = await mkdtemp(join(parent, "tap-"));
  const files = async () => (await readdir(folder)).sort().map((name) => join(folder, name));
  return {
    target: {
      command: process.execPath,
      args: [TAP, folder, ...(kill ? ["--kill"] : []), "--", command, ...args],
      ...(env && { env }),
    },
    async last() {
      const times = await Promise.all((await files()).map(async (file) => (await stat(file)).mtimeMs));
      return Math.max(0, ...times);
    },
    // One file per process: the SDK tries a server out in a process of its own, the inspector starts one per call.
    async read() {
      const texts = await Promise.all((await files()).map((file) => readFile(file, "utf8")));
      return texts.map((text) =>
        text
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      );
    },
    close: async () => undefined,
  };
}

/** @param {() => Promise<number>} last */
async function quiet(last) {
  const end = Date.now() + QUIET_LIMIT_MS;
  for (let since = 0; since < QUIET_MS && Date.now() < end; since = Date.now() - (await last())) {
    await sleep(Math.max(10, QUIET_MS - since));
  }
}

/** Several connections as one: whether a trial has a connection of its own depends on the transport. @param {import("./tap/record.mjs").Conversation[]} parts */
function merge(parts) {
  /** @type {import("./tap/record.mjs").Conversation} */
  const all = { exchanges: [], questions: {}, heard: {}, told: {}, verbatim: [] };
  for (const part of parts) {
    all.exchanges.push(...part.exchanges);
    all.verbatim.push(...part.verbatim);
    for (const kind of /** @type {const} */ (["questions", "heard", "told"])) {
      for (const [method, list] of Object.entries(part[kind])) (all[kind][method] ??= []).push(...list);
    }
  }
  return all;
}
