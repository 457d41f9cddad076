/** The table in docs/guide/aicc.md has every row, and every test it names exists. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const rows = [...read("../../../docs/guide/aicc.md").matchAll(/^\| (\d+) +\|(.*)\|(.*)\|(.*)\|$/gm)];
const sources = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => ({ name, text: read(`./${name}`) }));
const inFolder = (folder: string) => sources.filter(({ name }) => name.startsWith(folder));

it("has rows 1 to 43", () => {
  expect(rows.map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 43 }, (_, index) => index + 1),
  );
});

it.each(rows.map(([, number = "", , verdict = "", test = ""]) => ({ number, verdict, test })))(
  "row $number says what becomes of it, and names tests that exist",
  ({ number, verdict, test }) => {
    expect(verdict).toMatch(/refused|open|not concerned|never sent|sealed|in its place|any line end/);
    if (verdict.includes("not concerned")) return;
    const [tag] = /\[W\d\d\]/.exec(test) ?? [];
    if (tag !== undefined) expect(sources.some(({ text }) => text.includes(tag.slice(1, -1)))).toBe(true);
    const mark = new RegExp(`row ${number}\\b`);
    const roles = test.includes("row ") ? ["server", "client"].filter((role) => test.includes(role)) : [];
    for (const role of roles) expect(inFolder(role).some(({ text }) => mark.test(text))).toBe(true);
    expect(roles.length > 0 || tag !== undefined).toBe(true);
  },
);
