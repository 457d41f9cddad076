import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TrustedSdkError } from "../error.ts";
import { deliver, NoAnswer, SessionDoubt, Undecided } from "./delivery.ts";
import { HandshakeRefused, notSent, untilSettled } from "./handshake-refused.ts";

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

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const settled = promise.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(20_000);
  return await settled;
}

const broken = (): NoAnswer => new NoAnswer(new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "broke"));
const unreachable = (): TrustedSdkError =>
  new TrustedSdkError("ERR_UNREACHABLE", "nobody", { action: "retry" });

describe("the identical bytes of a request (spec §8.2)", () => {
  it.each([502, 503, 504])("are sent once more after HTTP %i, and no more", async (status) => {
    const once = attempts(new SessionDoubt(status));
    expect([await outcome(deliver(once.run)), once.count()]).toEqual(["done", 2]);
    const twice = attempts(new SessionDoubt(status), new SessionDoubt(status));
    expect(await outcome(deliver(twice.run))).toBeInstanceOf(SessionDoubt);
    expect(twice.count()).toBe(2);
  });

  it("are sent once more after a broken connection; then the outcome is unknown", async () => {
    expect(await outcome(deliver(attempts(broken()).run))).toBe("done");
    const twice = attempts(broken(), broken());
    expect(await outcome(deliver(twice.run))).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    expect(twice.count()).toBe(2);
  });

  it("that could not leave a second time may have run the first time: never ERR_UNREACHABLE", async () => {
    for (const first of [broken(), new SessionDoubt(502), new Undecided()])
      expect(await outcome(deliver(attempts(first, unreachable()).run))).toMatchObject({
        code: "ERR_OUTCOME_UNKNOWN",
      });
    expect(await outcome(deliver(attempts(unreachable()).run))).toMatchObject({ code: "ERR_UNREACHABLE" });
  });

  it("are sent three times more while a node cannot decide; then the outcome is unknown, for a copy may have run", async () => {
    const undecided = attempts(new Undecided(), new Undecided(), new Undecided());
    expect([await outcome(deliver(undecided.run)), undecided.count()]).toEqual(["done", 4]);
    const ever = attempts(...Array.from({ length: 9 }, () => new Undecided()));
    expect(await outcome(deliver(ever.run))).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN", action: "retry" });
    expect(ever.count()).toBe(4);
  });

  it.each([
    new SessionDoubt(422),
    new SessionDoubt(500),
    new SessionDoubt(429),
    new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "seen before"),
    new TrustedSdkError("ERR_REDIRECT", "elsewhere"),
    new TypeError("ours"),
  ])("are sent once only after %s", async (error) => {
    const { run, count } = attempts(error);
    expect([await outcome(deliver(run)), count()]).toEqual([error, 1]);
  });

  it("are not sent again for a caller who gave up", async () => {
    const caller = new AbortController();
    const { run, count } = attempts(broken());
    const result = outcome(deliver(run, caller.signal));
    caller.abort(new Error("enough"));
    expect([await result, count(), vi.getTimerCount()]).toEqual([new Error("enough"), 1, 0]);
  });
});

describe("a handshake that failed", () => {
  const never = new AbortController().signal;

  it("starts again, twice, when a node or the front failed", async () => {
    for (const error of [
      new HandshakeRefused(502, ""),
      new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "broke"),
    ]) {
      const run = attempts(error, error);
      expect([await outcome(untilSettled(run.run, never)), run.count()]).toEqual(["done", 3]);
      const more = attempts(error, error, error);
      expect([await outcome(untilSettled(more.run, never)), more.count()]).toEqual([error, 3]);
    }
  });

  it("does not start again where it would fail alike", async () => {
    for (const error of [new HandshakeRefused(422, ""), new HandshakeRefused(404, ""), unreachable()]) {
      const run = attempts(error);
      expect([await outcome(untilSettled(run.run, never)), run.count()]).toEqual([error, 1]);
    }
  });

  it("never counts as a request that may have run: none was sent", () => {
    expect(notSent(new TrustedSdkError("ERR_OUTCOME_UNKNOWN", "broke"))).toMatchObject({
      code: "ERR_UNREACHABLE",
    });
    const other = new Error("other");
    expect(notSent(other)).toBe(other);
  });
});
