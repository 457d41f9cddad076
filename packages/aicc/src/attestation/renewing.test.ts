import { ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AiccError } from "../error.ts";
import type { Attestation } from "./attest.ts";
import { renewingAttestation } from "./renewing-attestation.ts";

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Time passes on the clocks and for the timers. */
async function pass(seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left--) {
    clock.advance(Math.min(left, 1) * 1000);
    await vi.advanceTimersByTimeAsync(Math.min(left, 1) * 1000);
  }
}

interface Service {
  asked: number;
  down: boolean;
  lifetimeMs: number;
  once(): Promise<Attestation>;
}

function service(): Service {
  return {
    asked: 0,
    down: false,
    lifetimeMs: 7_200_000,
    async once() {
      this.asked++;
      if (this.down) throw new AiccError("ERR_ATTESTATION_TOKEN", "forged");
      return { nodes: [`answer ${this.asked}`], policyId: "p", notAfter: clock.now() + this.lifetimeMs };
    },
  };
}

const keep = (from: Service, intervalSeconds = 3600) => {
  const failures: unknown[] = [];
  const kept = renewingAttestation(() => from.once(), {
    clock,
    intervalSeconds,
    onFailure: (error) => failures.push(error),
  });
  return { kept, failures };
};

describe("a kept attestation", () => {
  test("asks nothing before it is needed, then once for many callers", async () => {
    const from = service();
    const { kept } = keep(from);
    await pass(10);
    expect(from.asked).toBe(0);
    await Promise.all(Array.from({ length: 50 }, () => kept.current()));
    expect(from.asked).toBe(1);
    kept.close();
  });

  test("is renewed in the background before its interval ends", async () => {
    const from = service();
    const { kept } = keep(from);
    expect((await kept.current()).nodes).toEqual(["answer 1"]);
    await pass(2699);
    expect(from.asked).toBe(1);
    await pass(2);
    expect(from.asked).toBe(2);
    expect((await kept.current()).nodes).toEqual(["answer 2"]);
    kept.close();
  });

  test("is renewed earlier where the token ends earlier", async () => {
    const from = service();
    from.lifetimeMs = 100_000;
    const { kept } = keep(from);
    await kept.current();
    await pass(76);
    expect(from.asked).toBe(2);
    kept.close();
  });

  test("counts for a day at most, and a huge interval does not become a busy loop", async () => {
    const from = service();
    from.lifetimeMs = 1e12;
    const { kept } = keep(from, 1e9);
    await kept.current();
    await pass(600);
    expect(from.asked).toBe(1);
    from.down = true;
    clock.advance(86_400_000);
    expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
    kept.close();
  });

  test("stops with close()", async () => {
    const from = service();
    const { kept } = keep(from);
    await kept.current();
    kept.close();
    await pass(4000);
    expect(from.asked).toBe(1);
    expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
  });
});

describe("[W09] when the service fails", () => {
  test("[W07] the first failure is the caller's error, and no result is kept", async () => {
    const from = service();
    from.down = true;
    const { kept } = keep(from);
    expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_TOKEN");
    kept.close();
  });

  test("calls do not make it ask more often: it waits longer each time, at most five minutes", async () => {
    const from = service();
    from.down = true;
    const { kept, failures } = keep(from);
    for (let second = 0; second < 600; second++) {
      expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_TOKEN");
      await pass(1);
    }
    expect(from.asked).toBeGreaterThan(5);
    expect(from.asked).toBeLessThan(20);
    expect(failures).toHaveLength(from.asked);
    await pass(400);
    from.down = false;
    await pass(301);
    expect((await kept.current()).policyId).toBe("p");
    kept.close();
  });

  test("the old result serves until its end and not a moment longer", async () => {
    const from = service();
    const { kept } = keep(from);
    await kept.current();
    from.down = true;
    await pass(3599);
    expect((await kept.current()).nodes).toEqual(["answer 1"]);
    await pass(1);
    expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
    kept.close();
  });

  test("callers during the failure are answered at once: nothing sleeps", async () => {
    const from = service();
    from.down = true;
    const { kept } = keep(from);
    await refusalOf(() => kept.current());
    const asked = from.asked;
    // The timers stand still, so an answer that waits for one would never come.
    await Promise.all(Array.from({ length: 100 }, () => refusalOf(() => kept.current())));
    expect(from.asked).toBe(asked);
    kept.close();
  });

  test("a result that has already ended is a failure", async () => {
    const from = service();
    from.lifetimeMs = -1000;
    const { kept } = keep(from);
    expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
    await pass(5);
    expect(from.asked).toBeLessThan(6);
    kept.close();
  });
});

describe("without waiting", () => {
  test("there is nothing before the first success, and then the same", async () => {
    const from = service();
    const { kept } = keep(from);
    expect(await refusalOf(() => kept.held())).toBe("ERR_ATTESTATION_EXPIRED");
    await pass(1);
    expect(kept.held()).toBe(await kept.current());
    expect(from.asked).toBe(1);
    kept.close();
    expect(await refusalOf(() => kept.held())).toBe("ERR_ATTESTATION_EXPIRED");
  });

  test("[W09] an ended one is refused, and calls do not make it ask more often", async () => {
    const from = service();
    const { kept } = keep(from, 100);
    await kept.current();
    from.down = true;
    await pass(100);
    const asked = from.asked;
    for (let count = 0; count < 100; count++)
      expect(await refusalOf(() => kept.held())).toBe("ERR_ATTESTATION_EXPIRED");
    expect(from.asked).toBeLessThanOrEqual(asked + 1);
    from.down = false;
    await pass(301);
    expect(kept.held().policyId).toBe("p");
    kept.close();
  });
});

test("[W03] setting the wall clock back does not make an attestation last longer", async () => {
  const from = service();
  const { kept } = keep(from, 100);
  await kept.current();
  from.down = true;
  clock.jump(-1_000_000);
  await pass(101);
  expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
  kept.close();
});

test("setting the wall clock forward past the token's end refuses it", async () => {
  const from = service();
  const { kept } = keep(from);
  await kept.current();
  from.down = true;
  clock.jump(8_000_000);
  expect(await refusalOf(() => kept.current())).toBe("ERR_ATTESTATION_EXPIRED");
  kept.close();
});
