import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { requirements } from "../requirements.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

interface Row {
  readonly id: string;
  readonly shownBy: string;
}

const rows: Row[] = read("docs/weaknesses.md")
  .split("\n")
  .filter((line) => /^\| W\d\d /.test(line))
  .map((line) => {
    const [, id = "", , shownBy = ""] = line.split("|").map((cell) => cell.trim());
    return { id, shownBy };
  });

describe("the table of weaknesses for SECURITY.md", () => {
  test("has the 43 of them, in order, between its markers", () => {
    expect(rows.map(({ id }) => id)).toEqual(
      Array.from({ length: 43 }, (_, index) => `W${String(index + 1).padStart(2, "0")}`),
    );
    const text = read("docs/weaknesses.md");
    expect(text.indexOf("<!-- weaknesses:begin -->")).toBeLessThan(text.indexOf("| W01"));
    expect(text.indexOf("<!-- weaknesses:end -->")).toBeGreaterThan(text.indexOf("| W43"));
  });

  test.each(rows)(
    "$id: the tests that it names exist and cite it, or the reason is the one of the requirements",
    ({ id, shownBy }) => {
      const requirement = requirements.find((one) => one.id === id);
      if (requirement?.concerns === false) {
        expect(shownBy).toBe(`not concerned here: ${requirement.reason}`);
        return;
      }
      const named = [...shownBy.matchAll(/`([^`]+\.test\.ts)`: (.*?)(?=; `|$| \((?:with|stdio))/g)];
      expect(named.length).toBeGreaterThan(0);
      for (const [, path = "", name = ""] of named) {
        expect(existsSync(new URL(path, root)), path).toBe(true);
        const quoted = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
        // One string that begins with the name and ends in a citation of this weakness.
        expect(read(path), `${path}: ${name}`).toMatch(
          new RegExp(`["\`]${quoted}[^"\`\\n]*\\[[^\\]\\n]*${id}[^\\]\\n]*\\]`),
        );
      }
    },
  );
});
