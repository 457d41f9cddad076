import { describe as group, expect, it } from "vitest";
import { describe, overview, problemsOf } from "./report.mjs";

const RUN = { side: "client", sdk: "v2", revision: "2025-11-25", passed: 1, failed: 0 };

/** One scenario with one check. @param {"SUCCESS" | "FAILURE"} status @param {number} sealed */
function result(status, sealed, more = {}) {
  const [passed, failed] = status === "SUCCESS" ? [1, 0] : [0, 1];
  const checks = [{ id: "answers", name: "answers", status }];
  const scenarios = { ping: { passed, failed, checks, outcome: "done", sealed } };
  return { passed, failed, required: true, seconds: 1, scenarios, ...more };
}

const plain = result("SUCCESS", 0);
const outcome = (channel, again) => ({ run: RUN, plain, channel: { sdk: channel }, ...(again && { again }) });

group("the verdict on a run", () => {
  it("is good when nothing differs and plain is as good as it ought to be", () => {
    const good = outcome(result("SUCCESS", 3));
    expect(problemsOf(good)).toEqual([]);
    expect(overview([good])).toMatch(/^client v2 2025-11-25 +1\/0 +1\/0 +-$/m);
  });

  it.each([
    [
      "plain is not as good",
      { ...outcome(result("SUCCESS", 3)), run: { ...RUN, passed: 2 } },
      "expected 2/0",
    ],
    ["the channel changes a check", outcome(result("FAILURE", 3), plain), "the channel changes ping"],
    ["the channel was not used", outcome(result("SUCCESS", 0)), "did not go where they should: ping"],
    ["the suite is less content", outcome(result("SUCCESS", 3, { required: false })), "verdict"],
  ])("is bad when %s", (_, bad, words) => {
    expect(problemsOf(bad)).toEqual([expect.stringContaining(words)]);
    expect(overview([bad])).toMatch(/FAILS$/m);
  });

  it("forgives the channel what plain does to itself, and says so", () => {
    const shaky = outcome(result("FAILURE", 3), result("FAILURE", 0));
    expect(problemsOf(shaky)).toEqual([]);
    expect(overview([shaky])).toMatch(/UNSTABLE$/m);
    expect(describe(shaky)).toContain("UNSTABLE, two runs without the channel differ");
  });

  it("forgives plain that it failed once, when the channel did not", () => {
    const shaky = {
      run: RUN,
      plain: result("FAILURE", 0, { required: false }),
      channel: { sdk: result("SUCCESS", 3) },
      again: result("SUCCESS", 0),
    };
    expect(problemsOf(shaky)).toEqual([]);
    expect(overview([shaky])).toMatch(/UNSTABLE$/m);
  });

  it("forgives nothing that plain never did", () => {
    const odd = { ...result("FAILURE", 3), passed: 0 };
    odd.scenarios.ping.outcome = "refused: Error";
    expect(problemsOf(outcome(odd, result("FAILURE", 0)))).toEqual([
      expect.stringContaining("the channel changes ping"),
    ]);
  });
});
