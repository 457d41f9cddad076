import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { requirements, type Requirement } from "../requirements.ts";
import { citationsIn } from "./citations.ts";
import { allCitations, brokenPromises, coverageOf, scriptsRunBy, unknownIds } from "./coverage.ts";
import { readWorkspace } from "./workspace.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const workspace = readWorkspace(root);
const scriptsInCi = scriptsRunBy(readFileSync(`${root}.ci/run`, "utf8"));

describe("the list of requirements", () => {
  const ids = requirements.map(({ id }) => id);

  test("has each id once, well formed", () => {
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^(REQ-[A-Z0-9]+(-[A-Z0-9]+)*|W\d\d)$/);
  });

  test("takes a stand on each of the 43 weaknesses of AICC/0.1", () => {
    const weaknesses = Array.from({ length: 43 }, (_, index) => `W${String(index + 1).padStart(2, "0")}`);
    expect(ids.filter((id) => id.startsWith("W")).toSorted()).toEqual(weaknesses);
  });

  test("says why what does not concern this version does not", () => {
    for (const { id, concerns, reason } of requirements) expect(Boolean(reason), id).toBe(!concerns);
  });

  test("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { scripts: object };
    for (const script of scriptsInCi) if (script !== "ci") expect(Object.keys(scripts)).toContain(script);
  });

  test("knows every id that a test cites", () => {
    expect(unknownIds(requirements, allCitations(workspace))).toEqual([]);
  });

  test("covers every id that README, SECURITY and ARCHITECTURE promise", () => {
    const coverage = coverageOf(requirements, allCitations(workspace), scriptsInCi);
    expect(brokenPromises(workspace, coverage)).toEqual([]);
  });
});

describe("citations", () => {
  // Put together here, so that this file does not itself cite what it makes up.
  const cite = (...ids: string[]): string => `[${ids.join(", ")}]`;
  const idsOf = (text: string): string[] => citationsIn({ path: "a.test.ts", text }).map(({ id }) => id);

  test("count in names of tests, in tables and in templates", () => {
    expect(idsOf(`test("refuses ${cite("W98")}", f);`)).toEqual(["W98"]);
    expect(idsOf(`test("refuses ${cite("W98", "REQ-MADE-UP")}", f);`)).toEqual(["W98", "REQ-MADE-UP"]);
    expect(idsOf(`test.each(table)(\`refuses \${a} ${cite("W98")}\`, f);`)).toEqual(["W98"]);
    expect(idsOf(`const table = [{ name: "refuses ${cite("W98")}" }];`)).toEqual(["W98"]);
  });

  test("do not count in comments, nor in tests that do not run", () => {
    expect(idsOf(`// ${cite("W98")}\ntest("a", f);`)).toEqual([]);
    expect(idsOf(`test.skip("a ${cite("W98")}", f);`)).toEqual([]);
    expect(idsOf(`it.todo("a ${cite("W98")}");`)).toEqual([]);
    expect(idsOf(`describe.concurrent.skip("a", () => { test("b ${cite("W98")}", f); });`)).toEqual([]);
  });

  const promise = (id: string, more: Partial<Requirement> = {}): Requirement => {
    return { id, text: "", source: "", concerns: true, ...more };
  };

  test("show a requirement, and so does a step of .ci/run that is switched on", () => {
    const list = [
      promise("W98"),
      promise("W99"),
      promise("REQ-A", { check: "lint" }),
      promise("REQ-B", { check: "fuzz" }),
    ];
    const ci = scriptsRunBy('step "lint" npm run lint\n# step "fuzz" npm run fuzz -- --inputs 3\n');
    const shown = coverageOf(list, [{ id: "W98", path: "a.test.ts", line: 3 }], ci);
    expect(shown.map(({ shownBy }) => shownBy)).toEqual([["a.test.ts:3"], [], [".ci/run: npm run lint"], []]);
  });

  test("of an unknown id are reported", () => {
    expect(unknownIds([promise("W98")], [{ id: "W97", path: "a.test.ts", line: 3 }])).toEqual([
      "a.test.ts:3 cites W97, which is no requirement",
    ]);
  });

  test("of README are held to their word", () => {
    const coverage = coverageOf([promise("W98"), promise("W99", { concerns: false })], [], new Set());
    const pages = [{ path: "README.md", text: "Refuses (W98), later W99, and REQ-MADE-UP." }];
    expect(brokenPromises({ pages }, coverage)).toEqual([
      "README.md promises W98, which no test shows",
      "README.md promises REQ-MADE-UP, which is no requirement",
    ]);
  });
});
