import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Reconnection } from "./reconnection.ts";

describe("when a broken stream is asked for again", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  async function delayOf(reconnection: Reconnection, attempt: number): Promise<number> {
    const started = Date.now();
    let at = -1;
    reconnection.schedule(attempt, () => (at = Date.now() - started));
    await vi.runAllTimersAsync();
    return at;
  }

  test("at growing intervals up to a bound, like the SDK's own transport", async () => {
    const reconnection = new Reconnection();
    expect(await delayOf(reconnection, 0)).toBe(1000);
    expect(await delayOf(reconnection, 1)).toBe(1500);
    expect(await delayOf(reconnection, 50)).toBe(30_000);
  });

  test("after what the server said, but never without a pause", async () => {
    const reconnection = new Reconnection();
    reconnection.retryMs = 700;
    expect(await delayOf(reconnection, 5)).toBe(700);
    reconnection.retryMs = 0;
    expect(await delayOf(reconnection, 0)).toBe(10);
  });

  test("not at all once it was cancelled", async () => {
    const reconnection = new Reconnection();
    const act = vi.fn<() => void>();
    reconnection.schedule(0, act);
    reconnection.schedule(1, act);
    reconnection.cancel();
    await vi.runAllTimersAsync();
    expect(act).not.toHaveBeenCalled();
  });
});
