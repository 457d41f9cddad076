import { describe, expect, it } from "vitest";
import { astray, compare, counts, identical, table } from "./compare.mjs";
import { parseAccount, parseSummary } from "./suite.mjs";

const check = (id, status, message) => ({ id, name: id, status, ...(message && { message }) });

/** @returns {import("./suite.mjs").Result} */
function result(...checks) {
  const passed = checks.filter(({ status }) => status === "SUCCESS").length;
  const failed = checks.filter(({ status }) => status === "FAILURE").length;
  return {
    passed,
    failed,
    required: failed === 0,
    seconds: 1,
    scenarios: { ping: { passed, failed, checks } },
  };
}

describe("the comparison of two conformance runs", () => {
  const plain = result(check("a", "SUCCESS"), check("b", "SUCCESS"));

  it("finds a run identical to itself, whatever its INFO events", () => {
    expect(identical(plain, result(...plain.scenarios.ping.checks, check("event", "INFO")))).toBe(true);
  });

  it.each([
    ["a check fails", result(check("a", "SUCCESS"), check("b", "FAILURE", "no answer"))],
    ["a check is missing", result(check("a", "SUCCESS"))],
    ["a check is new", result(...plain.scenarios.ping.checks, check("c", "SUCCESS"))],
    ["a check is repeated", result(...plain.scenarios.ping.checks, check("a", "SUCCESS"))],
    ["one check stands in for another", result(check("a", "SUCCESS"), check("c", "SUCCESS"))],
    ["a warning appears", result(...plain.scenarios.ping.checks, check("w", "WARNING"))],
    ["a scenario is absent", { ...plain, scenarios: {} }],
    ["a scenario is new", { ...plain, scenarios: { ...plain.scenarios, more: plain.scenarios.ping } }],
    ["the required ones no longer pass", { ...plain, required: false }],
    [
      "only the counts of a scenario differ",
      { ...plain, scenarios: { ping: { ...plain.scenarios.ping, passed: 1 } } },
    ],
  ])("tells that %s", (_, other) => {
    expect(identical(plain, other)).toBe(false);
    expect(identical(other, plain)).toBe(false);
  });

  it("tells that a client ended in another way, though its checks are the same", () => {
    const [done, refused] = ["done", "refused: Error"].map((outcome) => ({
      ...plain,
      scenarios: { ping: { ...plain.scenarios.ping, outcome } },
    }));
    expect(identical(done, done)).toBe(true);
    expect(identical(done, refused)).toBe(false);
    expect(compare(done, refused)[0]?.notes).toEqual(["plain:   done", "channel: refused: Error"]);
  });

  it("names the scenarios that went past the channel, or through it when they should not", () => {
    const sealed = (count) => ({
      ...plain,
      scenarios: { ping: { ...plain.scenarios.ping, sealed: count } },
    });
    expect(astray(sealed(0), sealed(3))).toEqual([]);
    expect(astray(sealed(0), sealed(0))).toEqual(["ping"]);
    expect(astray(sealed(1), sealed(1))).toEqual(["ping"]);
    expect(astray(plain, plain)).toEqual([]);
  });

  it("names the check that differs, with the suite's reason", () => {
    const [row] = compare(plain, result(check("a", "SUCCESS"), check("b", "FAILURE", "no answer\nstack")));
    expect(row).toMatchObject({ scenario: "ping", plain: "2/0", channel: "1/1", same: false });
    expect(row?.notes).toEqual(["plain:   SUCCESS b", "channel: FAILURE b (no answer)"]);
  });

  it("counts an absent scenario as absent, not as nothing to do", () => {
    expect(counts(undefined)).toBe("absent");
    expect(compare(plain, { ...plain, scenarios: {} })[0]).toMatchObject({ channel: "absent", same: false });
  });
});

describe("the suite's summary", () => {
  const summary =
    "=== SUMMARY ===\n✓ ping: 2 passed, 0 failed\n✗ auth/x: 1 passed, 3 failed\n\nTotal: 3 passed, 3 failed\n";

  it("is read scenario by scenario", () => {
    expect(parseSummary(`noise\n${summary}  ✓ ping (pending)\n`)).toMatchObject({
      passed: 3,
      failed: 3,
      scenarios: { ping: { passed: 2, failed: 0 }, "auth/x": { passed: 1, failed: 3 } },
    });
  });

  it("is read with its warnings, as it is for clients", () => {
    const lines =
      "=== SUITE SUMMARY ===\n\n✗ auth/x: 1 passed, 0 failed, 2 warnings\n\nTotal: 1 passed, 0 failed, 2 warnings\n";
    expect(parseSummary(lines)).toEqual({
      passed: 1,
      failed: 0,
      scenarios: { "auth/x": { passed: 1, failed: 0, checks: [] } },
    });
  });

  it.each(["", "=== SUMMARY ===\n", summary.replace("Total", "Sum")])(
    "is missing when there is no total",
    (output) => {
      expect(parseSummary(output)).toBeUndefined();
    },
  );
});

describe("a client's account of how it ended", () => {
  it("is its last line, and its absence is told", () => {
    expect(parseAccount('noise\n{"outcome":"done","sealed":4}\n')).toEqual({ outcome: "done", sealed: 4 });
    expect(parseAccount("noise\n")).toEqual({ outcome: "ended without a word", sealed: 0 });
    expect(parseAccount(undefined)).toEqual({});
  });
});

describe("the table", () => {
  it("aligns its columns", () => {
    expect(
      table([
        ["a", "bb"],
        ["ccc", "d"],
      ]),
    ).toBe("a    bb\nccc  d");
  });
});
