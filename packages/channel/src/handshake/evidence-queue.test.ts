import { channelWorld, ManualClock, refusalOf } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import type { Evidence } from "../ports.ts";
import { EvidenceQueue } from "./evidence-queue.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const request = { types: ["sample"] };

/** A provider whose quotes end when the test says so. */
function slow(): {
  provider: { types: string[]; collect: () => Promise<Evidence> };
  finish: (error?: Error) => Promise<void>;
  running: () => number;
} {
  const held: ((error?: Error) => void)[] = [];
  const collect = (): Promise<Evidence> =>
    new Promise((resolve, reject) =>
      held.push((error) =>
        error === undefined ? resolve({ type: "sample", bytes: new Uint8Array(1) }) : reject(error),
      ),
    );
  const finish = async (error?: Error): Promise<void> => {
    await turn();
    held.shift()?.(error);
    await turn();
  };
  return { provider: { types: ["sample"], collect }, finish, running: () => held.length };
}

describe("quotes are made a few at a time [REQ-LIMITS]", () => {
  it("more than that wait their turn, in order", async () => {
    const { provider, finish, running } = slow();
    const queue = new EvidenceQueue(provider, new ManualClock(), { concurrency: 2, queue: 10 });
    const ended: number[] = [];
    const all = [0, 1, 2, 3].map((index) =>
      queue.collect(new Uint8Array(64), request).then(() => ended.push(index)),
    );
    await turn();
    expect(running()).toBe(2);
    for (let index = 0; index < 4; index += 1) await finish();
    await Promise.all(all);
    expect(ended).toEqual([0, 1, 2, 3]);
  });

  it("a full queue refuses at once, and nothing of it is lost for later", async () => {
    const { provider, finish } = slow();
    const queue = new EvidenceQueue(provider, new ManualClock(), { concurrency: 1, queue: 1 });
    const first = queue.collect(new Uint8Array(64), request);
    const second = queue.collect(new Uint8Array(64), request);
    expect(await refusalOf(() => queue.collect(new Uint8Array(64), request))).toBe("ERR_EVIDENCE_BUSY");
    await finish();
    await finish();
    await Promise.all([first, second]);
    const third = queue.collect(new Uint8Array(64), request);
    await finish();
    expect((await third).type).toBe("sample");
  });

  it("who waited longer than its client would is refused instead of served", async () => {
    const { provider, finish } = slow();
    const clock = new ManualClock();
    const queue = new EvidenceQueue(provider, clock, { concurrency: 1, maxWaitMs: 1000 });
    const first = queue.collect(new Uint8Array(64), request);
    const late = refusalOf(() => queue.collect(new Uint8Array(64), request));
    clock.advance(1001);
    await finish();
    await first;
    expect(await late).toBe("ERR_EVIDENCE_BUSY");
  });

  it("a quote that fails gives its place back", async () => {
    const { provider, finish } = slow();
    const queue = new EvidenceQueue(provider, new ManualClock(), { concurrency: 1 });
    const failed = queue.collect(new Uint8Array(64), request);
    const next = queue.collect(new Uint8Array(64), request);
    const caught = failed.catch((error: unknown) => error);
    await finish(new Error("device"));
    expect(await caught).toMatchObject({ message: "device" });
    await finish();
    expect((await next).type).toBe("sample");
  });

  it("the client of a handshake that finds no place hears a sealed alert that means later", async () => {
    const { provider } = slow();
    const world = channelWorld({
      server: { evidence: provider, evidenceLimit: { concurrency: 1, queue: 0 } },
    });
    const appraiser = {
      types: ["sample"],
      appraise: () => Promise.resolve({ status: "affirming" as const }),
    };
    void world.connect(undefined, { appraiser }).catch(() => undefined);
    for (let index = 0; index < 20; index += 1) await turn();
    await expect(world.connect(undefined, { appraiser })).rejects.toMatchObject({
      code: "ERR_REFUSED_BY_PEER",
      action: "retry",
    });
  });
});
