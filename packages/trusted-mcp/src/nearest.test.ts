import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

const KNOWN = ["key", "server-key", "audience", "json"];

describe("did you mean", () => {
  test.each([
    ["jsno", "json"],
    ["audi", "audience"],
    ["server-kye", "server-key"],
  ])("%s: %s", (word, known) => {
    expect(nearest(word, KNOWN)).toBe(known);
  });

  test("nothing when nothing is close, or the word is no slip: comparing takes time with its length", () => {
    expect(nearest("port", KNOWN)).toBeUndefined();
    const started = performance.now();
    expect(nearest("x".repeat(1_200_000), KNOWN)).toBeUndefined();
    // Found by fuzzing: it took half a second on a quiet machine, and grew with the square of the length.
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("swapping two neighbours counts once", () => {
    expect([editDistance("ab", "ba"), editDistance("abc", "abd"), editDistance("", "ab")]).toEqual([1, 1, 2]);
  });
});
