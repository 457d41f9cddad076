import { random } from "@trusted-mcp/primitives/bytes";
import {
  channelWorld,
  ManualClock,
  memoryPipe,
  OuterRefusal,
  refusalOf,
  testIdentity,
  type ChannelWorld,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { f1Fields } from "../../test/rogue-client.ts";
import { initiate } from "./initiator.ts";
import * as message from "./message.ts";
import { MemoryPendingStore } from "./pending-store.ts";
import { SourceLimit } from "./source-limit.ts";

const kemPublicKey = f1Fields().kemPublicKey;
const f1 = (): Uint8Array => message.encodeF1(message.encodeF1Core(f1Fields({ kemPublicKey })), null, null);

/** A server that counts what it signs. */
function countingWorld(server: NonNullable<Parameters<typeof channelWorld>[0]>["server"]): {
  world: ChannelWorld;
  signed: () => number;
} {
  const tools = testIdentity("tools");
  let signed = 0;
  const credential = {
    ...tools.credential,
    sign: async (input: Uint8Array) => {
      signed += 1;
      return await tools.credential.sign(input);
    },
  };
  const identity = { types: [1], current: () => credential };
  return { world: channelWorld({ tools, server: { identity, ...server } }), signed: () => signed };
}

describe("under load (spec §3.2)", () => {
  it("an F1 without token costs no KEM and no signature, and stores nothing [REQ-RETRY-TOKEN]", async () => {
    const { world, signed } = countingWorld({ retryThreshold: 0, pending: new MemoryPendingStore(0) });
    // The KEM key is nonsense: had it been used, this would be another refusal.
    const bytes = message.encodeF1(
      message.encodeF1Core(f1Fields({ kemPublicKey: new Uint8Array(1216) })),
      null,
      null,
    );
    const answer = await world.responder.handle(bytes, "x");
    expect(message.typeOf(answer)).toBe(message.TYPE.R);
    expect(answer.length).toBeLessThan(bytes.length);
    expect(signed()).toBe(0);
  });

  it("a client comes back with the same F1 and the token, and is served", async () => {
    const world = channelWorld({ server: { retryThreshold: 0 } });
    const { wire } = await world.connect();
    expect(wire.map(({ name }) => name)).toEqual(["F1", "R", "F1", "S1", "F2", "S2"]);
    const [first, second] = [message.parseF1(wire[0]!.bytes), message.parseF1(wire[2]!.bytes)];
    expect(second.untokened).toEqual(first.untokened);
    expect(second.retryToken).toEqual(message.parseR(wire[1]!.bytes));
  });

  it("flights still being signed are load, too", async () => {
    const tools = testIdentity("tools");
    const held: (() => void)[] = [];
    const credential = {
      ...tools.credential,
      sign: async (input: Uint8Array) => {
        await new Promise<void>((resolve) => held.push(resolve));
        return await tools.credential.sign(input);
      },
    };
    const world = channelWorld({
      tools,
      server: { identity: { types: [1], current: () => credential }, retryThreshold: 3 },
    });
    const attempts = Array.from({ length: 3 }, () => world.responder.handle(f1(), "x"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(held).toHaveLength(3);
    expect(message.typeOf(await world.responder.handle(f1(), "x"))).toBe(message.TYPE.R);
    for (const release of held) release();
    await Promise.all(attempts);
  });

  it.each<[string, (world: ChannelWorld, token: Uint8Array) => Uint8Array]>([
    ["a late token", (world, token) => (world.clock.advance(10_001), token)],
    [
      "an altered token",
      (_world, token) => Uint8Array.from(token, (byte, at) => (at === 20 ? byte ^ 1 : byte)),
    ],
    ["an invented token", () => random(40)],
    ["an empty token", () => new Uint8Array(0)],
  ])("%s is refused, and not answered with another token [REQ-RETRY-TOKEN]", async (_what, change) => {
    const world = channelWorld({ server: { retryThreshold: 0 } });
    const attempt = world.connect(({ name, bytes }) =>
      name === "R" ? message.encodeR(change(world, message.parseR(bytes))) : bytes,
    );
    expect(await refusalOf(() => attempt)).toBe("outer ERR_RETRY_TOKEN");
  });

  it("a token given to one source does not serve another", async () => {
    const world = channelWorld({ server: { retryThreshold: 0 } });
    let flights = 0;
    const attempt = initiate(world.initiator, (bytes) =>
      world.responder.handle(bytes, `source ${(flights += 1)}`),
    );
    expect(await refusalOf(() => attempt)).toBe("ERR_RETRY_TOKEN");
  });

  it("abandoned handshakes stop being load after 30 s", async () => {
    const world = channelWorld({ server: { retryThreshold: 3 } });
    for (let count = 0; count < 3; count += 1) await world.responder.handle(f1(), "x");
    expect(message.typeOf(await world.responder.handle(f1(), "x"))).toBe(message.TYPE.R);
    world.clock.advance(30_000);
    expect(message.typeOf(await world.responder.handle(f1(), "x"))).toBe(message.TYPE.S1);
  });

  it("a full store refuses before KEM and signature [REQ-PENDING-BOUNDED, W28]", async () => {
    const { world, signed } = countingWorld({ pending: new MemoryPendingStore(2) });
    for (let count = 0; count < 2; count += 1) await world.responder.handle(f1(), "x");
    expect(await refusalOf(() => world.responder.handle(f1(), "x"))).toBe("ERR_PENDING_FULL");
    expect(signed()).toBe(2);
  });

  it("no more than 1,024 flights wait for a slow signer at once [REQ-PENDING-BOUNDED, W28]", async () => {
    const tools = testIdentity("tools");
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const identity = {
      types: [1],
      current: async () => {
        await gate;
        return { ...tools.credential, type: 9 };
      },
    };
    const world = channelWorld({ tools, server: { identity } });
    const waiting = Array.from({ length: 1024 }, () => world.responder.handle(f1(), "x"));
    expect(await refusalOf(() => world.responder.handle(f1(), "x"))).toBe("ERR_PENDING_FULL");
    release();
    const ended = await Promise.allSettled(waiting);
    expect(ended.every(({ status }) => status === "rejected")).toBe(true);
    // They count no longer.
    expect(await refusalOf(() => world.responder.handle(f1(), "x"))).toBe("ERR_CREDENTIAL_TYPE");
  });

  it("a store that fills while the flight is signed refuses all the same", async () => {
    const world = channelWorld({ server: { pending: new MemoryPendingStore(2) } });
    const attempts = Array.from({ length: 5 }, () => world.responder.handle(f1(), "x"));
    const ended = await Promise.allSettled(attempts);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(ended.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "ERR_PENDING_FULL", action: "retry" },
    });
  });

  it("a slow flood does not lock out an honest client", async () => {
    const clock = new ManualClock();
    const world = channelWorld({ server: { clock, pending: new MemoryPendingStore(8, clock) } });
    for (let count = 0; count < 40; count += 1) {
      await world.responder.handle(f1(), "flood");
      clock.advance(500);
    }
    const { client } = await world.connect(({ bytes }) => (clock.advance(500), bytes), { clock });
    expect(client.id).not.toBe("");
  });

  it("one source cannot start handshakes without end [W28]", async () => {
    const world = channelWorld({ server: { sourceLimit: { burst: 3, perSecond: 1 } } });
    for (let count = 0; count < 3; count += 1) await world.responder.handle(f1(), "a");
    expect(await refusalOf(() => world.responder.handle(f1(), "a"))).toBe("ERR_RATE_LIMITED");
    expect(message.typeOf(await world.responder.handle(f1(), "b"))).toBe(message.TYPE.S1);
    world.clock.advance(1000);
    expect(message.typeOf(await world.responder.handle(f1(), "a"))).toBe(message.TYPE.S1);
  });

  it("a client that asks and asks, and never opens, leaves nothing behind [REQ-PENDING-BOUNDED]", async () => {
    const clock = new ManualClock();
    const pending = new MemoryPendingStore(8, clock);
    const world = channelWorld({ server: { clock, pending } });
    const pipe = memoryPipe(world.responder, ({ name, bytes }) => {
      if (name === "S1") throw new OuterRefusal("gone");
      return bytes;
    });
    for (let count = 0; count < 80; count += 1) {
      await initiate(world.initiator, pipe.exchange).catch(() => undefined);
      clock.advance(400);
    }
    expect(pending.size).toBeLessThanOrEqual(8);
    clock.advance(30_000);
    expect(pending.size).toBe(0);
    expect(world.responder.sessions.size).toBe(0);
  });
});

describe("the limit by source (spec §3.2)", () => {
  it("remembers a bounded number of sources", () => {
    const clock = new ManualClock();
    const limit = new SourceLimit(clock, { burst: 1, perSecond: 1, capacity: 2 });
    expect([limit.admits("a"), limit.admits("b"), limit.admits("c")]).toEqual([true, true, true]);
    // "a" was forgotten, "c" was not.
    expect([limit.admits("c"), limit.admits("a")]).toEqual([false, true]);
  });

  it("saves up no more than a burst", () => {
    const clock = new ManualClock();
    const limit = new SourceLimit(clock, { burst: 2, perSecond: 100 });
    clock.advance(3_600_000);
    expect([limit.admits("a"), limit.admits("a"), limit.admits("a")]).toEqual([true, true, false]);
    clock.advance(3_600_000);
    expect([limit.admits("a"), limit.admits("a"), limit.admits("a")]).toEqual([true, true, false]);
  });

  it("has defaults that let a few hundred clients behind one address start at once", () => {
    const limit = new SourceLimit(new ManualClock());
    const admitted = Array.from({ length: 1000 }, () => limit.admits("gateway")).filter(Boolean).length;
    expect(admitted).toBe(256);
  });
});

describe("the rate of all sources together", () => {
  it("is four addresses' worth unless told otherwise, and refills", () => {
    const clock = new ManualClock();
    const limit = new SourceLimit(clock, { burst: 2, perSecond: 1 });
    const admitted = Array.from({ length: 20 }, (_, index) => limit.admits(`192.0.2.${index}`));
    expect(admitted.filter(Boolean)).toHaveLength(8);
    clock.advance(1000);
    expect(
      Array.from({ length: 20 }, (_, index) => limit.admits(`198.51.100.${index}`)).filter(Boolean),
    ).toHaveLength(4);
  });

  it("a source over its own limit takes nothing from the others", () => {
    const limit = new SourceLimit(new ManualClock(), {
      burst: 2,
      perSecond: 0.001,
      totalBurst: 3,
      totalPerSecond: 0.001,
    });
    expect([1, 2, 3, 4, 5].map(() => limit.admits("192.0.2.1"))).toEqual([true, true, false, false, false]);
    expect(limit.admits("192.0.2.2")).toBe(true);
    expect(limit.admits("192.0.2.3")).toBe(false);
  });

  it("a flood above the rate does not keep the bucket empty", () => {
    const clock = new ManualClock();
    const limit = new SourceLimit(clock, { burst: 1, perSecond: 1000, totalBurst: 1, totalPerSecond: 10 });
    let admitted = 0;
    for (let index = 0; index < 1000; index += 1) {
      clock.advance(1);
      if (limit.admits(`192.0.2.${index % 250}`)) admitted += 1;
    }
    expect(admitted).toBeGreaterThanOrEqual(9);
    expect(admitted).toBeLessThanOrEqual(12);
  });

  it("an IPv6 client is limited with its whole /64 [REQ-LIMITS]", () => {
    const limit = new SourceLimit(new ManualClock(), { burst: 2, perSecond: 0.001 });
    const admitted = Array.from({ length: 10 }, (_, index) =>
      limit.admits(`2001:db8:1:2::${index.toString(16)}`),
    );
    expect(admitted.filter(Boolean)).toHaveLength(2);
    expect(limit.admits("2001:db8:1:3::1")).toBe(true);
  });
});
