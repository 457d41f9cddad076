import { Writer, random, utf8 } from "@trusted-mcp/primitives/bytes";
import { ManualClock, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { RetryTokens } from "./retry-token.ts";

const F1 = utf8("a first flight without its token");

describe("a retry token (spec §3.2) [REQ-RETRY-TOKEN]", () => {
  it("serves its F1 and its source for 10 s", () => {
    const clock = new ManualClock();
    const tokens = new RetryTokens(clock);
    const token = tokens.issue(F1, "192.0.2.1");
    expect(tokens.accepts(token, F1, "192.0.2.1")).toBe(true);
    clock.advance(10_000);
    expect(tokens.accepts(token, F1, "192.0.2.1")).toBe(true);
    clock.advance(1);
    expect(tokens.accepts(token, F1, "192.0.2.1")).toBe(false);
  });

  it("does not care about a wall clock that jumps", () => {
    const clock = new ManualClock();
    const tokens = new RetryTokens(clock);
    const token = tokens.issue(F1, "192.0.2.1");
    clock.jump(-3_600_000);
    expect(tokens.accepts(token, F1, "192.0.2.1")).toBe(true);
  });

  it("does not serve another F1, another source or another process", () => {
    const clock = new ManualClock();
    const tokens = new RetryTokens(clock);
    const token = tokens.issue(F1, "192.0.2.1");
    expect(tokens.accepts(token, utf8("another first flight"), "192.0.2.1")).toBe(false);
    expect(tokens.accepts(token, F1, "192.0.2.2")).toBe(false);
    expect(new RetryTokens(clock).accepts(token, F1, "192.0.2.1")).toBe(false);
  });

  it("does not mistake a byte of the source for one of the flight", () => {
    const tokens = new RetryTokens(new ManualClock());
    const token = tokens.issue(utf8("bc"), "a");
    expect(tokens.accepts(token, utf8("c"), "ab")).toBe(false);
  });

  it("is refused when any bit changes, at any other length, or from a time to come", () => {
    const clock = new ManualClock();
    const tokens = new RetryTokens(clock);
    const token = tokens.issue(F1, "x");
    for (let bit = 0; bit < token.length * 8; bit += 1)
      expect(tokens.accepts(withFlippedBit(token, bit), F1, "x")).toBe(false);
    for (let length = 0; length <= 64; length += 1)
      if (length !== token.length) expect(tokens.accepts(random(length), F1, "x")).toBe(false);
    // A time above 2^53 does not crash.
    expect(tokens.accepts(new Writer().raw(new Uint8Array(40).fill(0xff)).finish(), F1, "x")).toBe(false);
  });
});
