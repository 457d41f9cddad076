import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TrustedSdkError } from "../error.ts";
import { busy, onceMoreIfBusy } from "./busy.ts";

describe("a server that says it is busy (spec §5.6, refusal 4)", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Fails with each error in turn, then gives `done`. */
  function attempts(...errors: Error[]): { run: () => Promise<string>; count: () => number } {
    let count = 0;
    const run = (): Promise<string> => {
      const error = errors[count];
      count += 1;
      return error === undefined ? Promise.resolve("done") : Promise.reject(error);
    };
    return { run, count: () => count };
  }

  it("is asked once more after a pause, whatever the request: it did not run", async () => {
    const { run, count } = attempts(busy());
    const result = onceMoreIfBusy(run);
    await vi.advanceTimersByTimeAsync(199);
    expect(count()).toBe(1);
    await vi.advanceTimersByTimeAsync(201);
    expect(await result).toBe("done");
  });

  it("is asked twice and no more: the caller then hears ERR_REQUEST_REFUSED, to be tried later", async () => {
    const { run, count } = attempts(busy(), busy(), busy());
    const result = onceMoreIfBusy(run).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await result).toMatchObject({ code: "ERR_REQUEST_REFUSED", action: "retry" });
    expect(count()).toBe(2);
  });

  it("is not asked again by a caller who gave up, and the pause leaves no timer", async () => {
    const { run, count } = attempts(busy());
    const caller = new AbortController();
    const result = onceMoreIfBusy(run, caller.signal).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    caller.abort(new Error("enough"));
    expect(await result).toMatchObject({ message: "enough" });
    expect([count(), vi.getTimerCount()]).toEqual([1, 0]);
    await expect(onceMoreIfBusy(attempts(busy()).run, caller.signal)).rejects.toThrow("enough");
  });

  it.each([
    new TrustedSdkError("ERR_REQUEST_REFUSED", "malformed"),
    new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "unknown"),
    new TrustedSdkError("ERR_UNREACHABLE", "no connection", { action: "retry" }),
    new Error("something else"),
  ])("no other failure is repeated here: %s", async (error) => {
    const { run, count } = attempts(error);
    await expect(onceMoreIfBusy(run)).rejects.toBe(error);
    expect(count()).toBe(1);
  });
});
