import { canonical, differences, learn, step } from "./compare.mjs";

// What runs through the channel and runs without it say about each other. No I/O.

/**
 * @typedef {import("./run-client.mjs").Run} Run
 * @typedef {{
 *   same: boolean,
 *   tools: number,
 *   called: number,
 *   results: number,
 *   verbatim: number,
 *   questions: number,
 *   notifications: number,
 *   varying: string[],
 *   differences: { path: string, direct: string, channel: string }[],
 * }} Verdict
 */

/** If direct runs do not agree on these, a comparison would mean nothing. */
const MUST_AGREE = /^\/(outcomes(\/\d+)?|wire(\/exchanges(\/\d+(\/method|\/outcome|\/outcome\/result)?)?)?)$/;

/**
 * @param {readonly Run[]} direct runs without us; what they do not agree on is not compared
 * @param {Run} channel
 * @returns {Verdict}
 */
export function verdict(direct, channel) {
  const [first] = direct;
  if (first === undefined) throw new Error("There is nothing to compare with.");
  const mask = learn(direct.map(compared));
  const vague = [...mask.keys()].find((path) => MUST_AGREE.test(path));
  if (vague !== undefined) {
    const each = direct.map((run) => canonical(at(compared(run), vague)).slice(0, 300));
    throw new Error(`Two direct runs differ at ${vague}:\n  ${each.join("\n  ")}`);
  }
  const found = differences(compared(first), compared(channel), mask);
  const { exchanges } = channel.wire;
  const called = new Set(exchanges.filter(({ method }) => method === "tools/call").map(toolOf));
  const answered = exchanges.filter(({ outcome }) => outcome !== undefined);
  return {
    same: found.length === 0,
    tools: toolsIn(channel).length,
    called: toolsIn(channel).filter((tool) => called.has(tool)).length,
    results: answered.length,
    verbatim: channel.verbatim.filter((text, index) => text !== undefined && text === first.verbatim[index])
      .length,
    questions: count(channel.wire.questions),
    notifications:
      count(channel.wire.heard) + exchanges.reduce((sum, { progress }) => sum + progress.length, 0),
    varying: [...mask.keys()],
    differences: found,
  };
}

/** The tools that the server offered. @param {Run} run @returns {string[]} */
export function toolsIn(run) {
  const lists = run.wire.exchanges.filter(({ method }) => method === "tools/list");
  const names = lists.flatMap(({ outcome }) => /** @type {any} */ (outcome)?.result?.tools ?? []);
  return [...new Set(names.map(({ name }) => name))];
}

/**
 * The comparison must be able to fail: in every answer, one changed value has to be found.
 * @param {readonly Run[]} direct @param {Run} channel
 * @returns {string[]} where it was not
 */
export function overlooked(direct, channel) {
  const mask = learn(direct.map(compared));
  return channel.wire.exchanges.flatMap(({ method, outcome }, index) => {
    const path = `/wire/exchanges/${index}/outcome`;
    const place = leaves(outcome, path).find((leaf) => !mask.has(leaf));
    if (place === undefined) return outcome === undefined ? [] : [`${path} (${method}): nothing is compared`];
    const changed = structuredClone(outcome);
    const keys = place.slice(path.length + 1).split("/");
    change(
      changed,
      keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~")),
    );
    return differences(outcome, changed, mask, path).length === 1 ? [] : [`${place} (${method})`];
  });
}

/** The paths of all values without parts; an empty object or array is one. @param {unknown} value @param {string} path @returns {string[]} */
function leaves(value, path) {
  if (typeof value !== "object" || value === null) return value === undefined ? [] : [path];
  const members = Object.entries(value);
  return members.length === 0 ? [path] : members.flatMap(([key, part]) => leaves(part, step(path, key)));
}

/** @param {any} root @param {string[]} path */
function change(root, path) {
  const last = path.pop() ?? "";
  const parent = path.reduce((node, key) => node[key], root);
  const value = parent[last];
  parent[last] = typeof value === "string" ? `${value.slice(0, -1)}~` : { changed: value };
}

/** @param {Run} run */
function compared({ outcomes, wire, brief }) {
  // What a server says on its own after it started reaches a client that lives for one call, or does not.
  return { outcomes, wire: brief ? { exchanges: wire.exchanges } : wire };
}

/** @param {{ params?: any }} exchange */
function toolOf({ params }) {
  return params?.name;
}

/** @param {Record<string, unknown[]>} lists */
function count(lists) {
  return Object.values(lists).reduce((sum, list) => sum + list.length, 0);
}

/** @param {any} value @param {string} path */
function at(value, path) {
  return path
    .split("/")
    .slice(1)
    .reduce((node, key) => node?.[key], value);
}
