import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Reconnection } from "./reconnection.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("a server that asks for no pause gets one: a stream that ends at once is asked for every 10 ms at most", () => {
  const reconnection = new Reconnection();
  reconnection.retryMs = 0;
  let asked = 0;
  const again = (): void => {
    asked += 1;
    reconnection.schedule(0, again);
  };
  reconnection.schedule(0, again);
  vi.advanceTimersByTime(1000);
  expect(asked).toBe(100);
  reconnection.cancel();
  expect(vi.getTimerCount()).toBe(0);
});

it("longer pauses are kept, and without a word of the server they grow", () => {
  const reconnection = new Reconnection();
  const due = (attempt: number): number => {
    let called = false;
    reconnection.schedule(attempt, () => (called = true));
    const from = Date.now();
    while (!called) vi.advanceTimersToNextTimer();
    return Date.now() - from;
  };
  expect([due(0), due(1), due(100)]).toEqual([1000, 1500, 30_000]);
  reconnection.retryMs = 500;
  expect(due(7)).toBe(500);
});
