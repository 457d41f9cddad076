import { expect, it } from "vitest";
import { systemClock } from "./clock.ts";

it("the system clock counts milliseconds since the epoch, and monotonic time never goes back", () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  const times = Array.from({ length: 1000 }, () => systemClock.monotonic());
  expect(times).toEqual([...times].sort((a, b) => a - b));
});
