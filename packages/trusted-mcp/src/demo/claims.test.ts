import { describe, expect, test } from "vitest";
import { CLAIMS, type ClaimId, Ledger } from "./claims.ts";

const claim = (id: ClaimId, holds: boolean) => ({ id, holds, text: "said", seen: {} });
const ids = Object.keys(CLAIMS) as ClaimId[];

describe("the ledger of claims", () => {
  test("a claim that nothing checked does not hold", () => {
    const ledger = new Ledger();
    for (const id of ids.slice(1)) ledger.add(claim(id, true));
    expect(ledger.holds).toBe(false);
    expect(ledger.unchecked().map(({ id }) => id)).toEqual(ids.slice(0, 1));
  });

  test("a claim that failed once stays failed", () => {
    const ledger = new Ledger();
    for (const id of ids) ledger.add(claim(id, true));
    expect(ledger.holds).toBe(true);
    ledger.add(claim("replay-once", false));
    ledger.add(claim("replay-once", true));
    expect(ledger.holds).toBe(false);
  });
});
