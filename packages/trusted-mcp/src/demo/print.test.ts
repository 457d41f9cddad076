import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { inPlainWords, verdict } from "./print.ts";

const plain = (_style: string, text: string): string => text;

test("the last line is the next step, under a heading that the README has", async () => {
  const last = verdict(21, 0, 3.3, plain).trimEnd().split("\n").at(-1) ?? "";
  const [, heading = ""] = /README\.md, "(.+)"\.$/.exec(last) ?? [];
  const readme = await readFile(new URL("../../../../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n## ${heading}\n`);
});

test("a claim that did not hold is the last thing said", () => {
  expect(verdict(21, 2, 3.3, plain)).toBe("\n2 of 21 claims did not hold. 3.3 s.\n");
});

test("a code is shown with plain words beside it, and what the program itself said stays whole", () => {
  expect(inPlainWords("ERR_RECORD_AUTH: A sealed message does not authenticate")).toBe(
    "the seal is broken (ERR_RECORD_AUTH). In full: A sealed message does not authenticate",
  );
  expect(inPlainWords("ERR_OF_TOMORROW: something")).toBe("ERR_OF_TOMORROW: something");
  expect(inPlainWords("nothing of ours")).toBe("nothing of ours");
});
