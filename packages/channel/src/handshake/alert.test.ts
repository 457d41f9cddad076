import { describe, expect, it } from "vitest";
import { alertAction, alertFor, ALERTS, alertText } from "./alert.ts";

describe("sealed reasons (spec §3.7)", () => {
  it.each<[string, number]>([
    ["ERR_SIGNATURE", 1],
    ["ERR_FINISHED", 2],
    ["ERR_MALFORMED", 2],
    ["ERR_CLIENT_AUTH_REQUIRED", 3],
    ["ERR_EVIDENCE_MISSING", 4],
    ["ERR_EVIDENCE_REFUSED", 4],
    ["ERR_RESUMPTION", 5],
    ["ERR_STORED_STATE", 5],
    ["ERR_SESSION_LIMIT", 6],
    ["ERR_PENDING_FULL", 6],
    ["ERR_EXPIRED", 7],
    ["ERR_STORE", 7],
  ])("%s is told as %i, in whichever step it comes", (code, alert) => {
    expect([alertFor(code, 1), alertFor(code, 7)]).toEqual([alert, alert]);
  });

  it("a code that the channel does not know is told by the step it came in, not by its name", () => {
    for (const code of [
      "ERR_PEER_UNKNOWN",
      "ERR_DELEGATION_EXPIRED",
      "ERR_INTERNAL",
      "toString",
      "__proto__",
    ])
      expect([alertFor(code, 1), alertFor(code, 7)]).toEqual([1, 7]);
  });

  it("every code has words and an action; unknown ones as well", () => {
    for (const code of [...Object.keys(ALERTS).map(Number), 0, 8, 255]) {
      expect(alertText(code)).not.toBe("");
      expect(["fix", "retry"]).toContain(alertAction(code));
    }
    expect([5, 6, 7].map(alertAction)).toEqual(["retry", "retry", "retry"]);
  });
});
