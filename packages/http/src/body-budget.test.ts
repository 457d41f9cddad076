import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BodyBudget, BodyRoom, FREE_BYTES } from "./body-budget.ts";

const MB = 1_048_576;

describe("memory for request bodies [REQ-LIMITS]", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("small bodies pass without asking, also when all is taken", async () => {
    const budget = new BodyBudget(2 * MB, MB);
    budget.take("a", MB);
    budget.take("b", MB);
    expect(budget.take("c", FREE_BYTES + 1)).toBeNull();
    const room = new BodyRoom(budget, "c", MB);
    await room.reserve(FREE_BYTES, 0);
    expect(() => room.grow(FREE_BYTES)).not.toThrow();
    expect(budget.used).toBe(2 * MB);
  });

  it("one source gets half; of IPv6 it is the /64", () => {
    const budget = new BodyBudget(4 * MB, MB);
    expect(budget.take("2001:db8::1", MB)).not.toBeNull();
    expect(budget.take("2001:db8::2", MB)).not.toBeNull();
    expect(budget.take("2001:db8::3", MB)).toBeNull();
    expect(budget.take("192.0.2.1", MB)).not.toBeNull();
  });

  it("a large body waits until there is room", async () => {
    const budget = new BodyBudget(2 * MB, MB);
    const release = budget.take("a", MB);
    const room = new BodyRoom(budget, "a", MB);
    const waiting = room.reserve(MB, 1000);
    await vi.advanceTimersByTimeAsync(500);
    release?.();
    await waiting;
    expect(budget.used).toBe(MB);
    expect(vi.getTimerCount()).toBe(0);
    room.release();
    room.release();
    expect(budget.used).toBe(0);
  });

  it("and is refused with ERR_BODY_BUSY when it waited as long as a body may take", async () => {
    const budget = new BodyBudget(2 * MB, MB);
    budget.take("a", MB);
    const room = new BodyRoom(budget, "a", MB);
    const refused = room.reserve(MB, 1000).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await refused).toMatchObject({ code: "ERR_BODY_BUSY" });
    expect(budget.used).toBe(MB);
  });

  it("a body that does not say its length is counted whole once it is large", () => {
    const budget = new BodyBudget(2 * MB, MB);
    const room = new BodyRoom(budget, "a", MB);
    room.grow(FREE_BYTES);
    expect(budget.used).toBe(0);
    room.grow(FREE_BYTES + 1);
    room.grow(MB);
    expect(budget.used).toBe(MB);
    expect(() => new BodyRoom(budget, "a", MB).grow(FREE_BYTES + 1)).toThrow(
      expect.objectContaining({ code: "ERR_BODY_BUSY" }),
    );
  });

  it("too large stays too large, declared or not", async () => {
    const room = new BodyRoom(new BodyBudget(10 * MB, MB), "a", MB);
    await expect(room.reserve(MB + 1, 0)).rejects.toMatchObject({ code: "ERR_BODY_TOO_LARGE" });
    expect(() => room.grow(MB + 1)).toThrow(expect.objectContaining({ code: "ERR_BODY_TOO_LARGE" }));
  });

  it("the largest body always fits, however small the budget", async () => {
    const room = new BodyRoom(new BodyBudget(1, MB), "a", MB);
    await expect(room.reserve(MB, 0)).resolves.toBeUndefined();
  });

  it("a length that is no number reserves nothing: what comes is counted", async () => {
    const budget = new BodyBudget(2 * MB, MB);
    await new BodyRoom(budget, "a", MB).reserve(Number.NaN, 0);
    expect(budget.used).toBe(0);
  });
});
