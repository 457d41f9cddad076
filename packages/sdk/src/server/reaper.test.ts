import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Reaper, sweepEvery } from "./reaper.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("sweeps while something is left, and then keeps no timer", () => {
  let left = 3;
  const reaper = new Reaper(() => {
    left -= 1;
    return left > 0;
  }, 10);
  expect(vi.getTimerCount()).toBe(0);
  reaper.start();
  reaper.start();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1000);
  expect([left, vi.getTimerCount()]).toEqual([0, 0]);
  reaper.start();
  reaper.stop();
  reaper.stop();
  expect(vi.getTimerCount()).toBe(0);
});

it("sweeps often enough for the shortest time, and not more than it must", () => {
  expect([sweepEvery(3_600_000), sweepEvery(3_600_000, 400), sweepEvery(1)]).toEqual([30_000, 100, 20]);
});
