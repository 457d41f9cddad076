import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, FEATURES, places } from "./cells.mjs";
import { table, verdicts } from "./table.mjs";

/** @type {any} */
const sealed = {
  server: "v1",
  framework: "Express",
  answers: "sse",
  channel: "binary",
  client: "v1",
  front: "plain",
};
const control = { ...sealed, channel: "none" };
const works = Object.fromEntries(FEATURES.map((feature) => [feature, null]));

/** @param {Record<string, string | null>} inside @param {Record<string, string | null>} without @param {any} [change] */
const states = (inside, without, change = {}) =>
  Object.fromEntries(
    verdicts([
      { cell: { ...sealed, ...change }, outcomes: { ...works, ...inside } },
      { cell: { ...control, ...change, channel: "none" }, outcomes: { ...works, ...without } },
    ]).map(({ feature, state }) => [feature, state]),
  );

test("what works with the channel and without is ok", () => {
  assert.deepEqual(new Set(Object.values(states({}, {}))), new Set(["ok"]));
});

test("what the channel breaks has failed, and so has what does not work without it either", () => {
  assert.equal(states({ progress: "found []" }, {})["progress"], "FAILED");
  assert.equal(states({}, { progress: "found []" })["progress"], "FAILED");
  assert.equal(states({ progress: "x" }, { progress: "x" })["progress"], "FAILED");
});

test("what the SDK cannot do has to fail in both", () => {
  const json = { answers: "json" };
  assert.equal(states({ progress: "x" }, { progress: "x" }, json)["progress"], "n/a");
  assert.equal(states({ progress: "x" }, {}, json)["progress"], "FAILED");
  assert.equal(states({}, { progress: "x" }, json)["progress"], "FAILED");
});

test("a cell without its control has failed", () => {
  const all = verdicts([{ cell: sealed, outcomes: works }]);
  assert.ok(all.every(({ state }) => state === "FAILED"));
  assert.match(table(all), /^FAILED call: client v1, server v1, Express/m);
});

test("there are 288 cells, a third of them controls, and each has its own name", () => {
  const cells = places().flatMap(cellsOf);
  assert.equal(cells.length, 288);
  assert.equal(cells.filter(({ channel }) => channel === "none").length, 96);
  assert.equal(new Set(cells.map((cell) => JSON.stringify(cell))).size, 288);
});
