import { concat, random } from "@trusted-mcp/primitives/bytes";
import {
  channelWorld,
  ManualClock,
  memoryPipe,
  OuterRefusal,
  refusalOf,
  sampleTee,
  withFlippedBit,
  type Attacker,
  type ChannelWorld,
  type WireMessage,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import type { PendingStore } from "../ports.ts";
import { initiate } from "./initiator.ts";
import * as message from "./message.ts";
import { MemoryPendingStore } from "./pending-store.ts";

/** Evidence both ways, so that all seven flights are there. */
function attestedWorld(): ChannelWorld {
  const [client, server] = [sampleTee(), sampleTee()];
  return channelWorld({
    server: { evidence: server, appraiser: client.appraiser() },
    client: { evidence: client, appraiser: server.appraiser() },
  });
}

const replacing =
  (name: string, change: (bytes: Uint8Array) => Uint8Array): Attacker =>
  (message) =>
    message.name === name ? change(message.bytes) : message.bytes;

/** All positions of the parts that have a meaning of their own, a sample of keys, ciphertexts and sealed bytes. */
function positions(length: number, dense: readonly (readonly [from: number, to: number])[]): number[] {
  const chosen = new Set<number>();
  for (const [from, to] of dense) for (let at = from; at < to; at += 1) chosen.add(at);
  for (let at = 0; at < length; at += 11) chosen.add(at);
  chosen.add(length - 1);
  return [...chosen].filter((at) => at >= 0 && at < length).toSorted((a, b) => a - b);
}

/** Bit `at % 8` of byte `at`: all bits come up. */
const flip =
  (at: number) =>
  (bytes: Uint8Array): Uint8Array =>
    withFlippedBit(bytes, at * 8 + (at % 8));

describe("a changed byte (spec §3) [REQ-MITM-FLIP, REQ-MALLEABLE]", () => {
  it("in F1 is refused by one of the ends, and no session stands [REQ-SUITE-WHOLE]", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const f1 = wire[0]!.bytes;
    const kem = Buffer.from(f1).indexOf(message.parseF1(f1).kemPublicKey);
    for (const at of positions(f1.length, [
      [0, kem],
      [kem + 1216, f1.length],
    ])) {
      const code = await refusalOf(() => world.connect(replacing("F1", flip(at))));
      expect(code, `byte ${at}`).toMatch(/^(outer )?ERR_/);
    }
    expect(world.responder.sessions.size).toBe(1);
  });

  it("in S1 is refused by the client, which says nothing more [W17]", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const s1 = wire[1]!.bytes;
    const id = 38 + 1120;
    const sent: string[] = [];
    for (const at of positions(s1.length, [
      [0, 12],
      [36, 42],
      [id, id + 24],
      [s1.length - 4, s1.length],
    ])) {
      const code = await refusalOf(() =>
        world.connect((flight) => {
          sent.push(flight.name);
          return replacing("S1", flip(at))(flight);
        }),
      );
      expect(code, `byte ${at}`).toMatch(/^ERR_(MALFORMED|VERSION|SUITE|FRAMING|HANDSHAKE_AUTH)$/);
    }
    expect(sent).not.toContain("F2");
    expect(world.responder.sessions.size).toBe(1);
  });

  it("in F2, whichever it is, is refused without spending the handshake", async () => {
    const world = channelWorld();
    let flips = 0;
    const { client } = await world.connect(async ({ name, bytes }) => {
      if (name !== "F2") return bytes;
      for (let at = 0; at < bytes.length; at += 1) {
        const code = await refusalOf(() => world.responder.handle(flip(at)(bytes), "x"));
        // A changed handshake id names no handshake; everything else ends at the tag or the parser.
        expect(code).toBe(
          at === 0 || (at >= 17 && at < 20)
            ? "ERR_MALFORMED"
            : at < 17
              ? "ERR_PENDING_UNKNOWN"
              : "ERR_HANDSHAKE_AUTH",
        );
        flips += 1;
      }
      return bytes;
    });
    expect(flips).toBeGreaterThan(2048);
    expect(client.usable).toBe(true);
    expect(world.responder.sessions.size).toBe(1);
  });

  it("in S2 is refused by the client [W21]", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const s2 = wire[3]!.bytes;
    for (const at of positions(s2.length, [[0, s2.length]]).filter((at) => at < 48 || at % 5 === 0)) {
      const code = await refusalOf(() => world.connect(replacing("S2", flip(at))));
      expect(code, `byte ${at}`).toMatch(/^ERR_(MALFORMED|HANDSHAKE_AUTH)$/);
    }
  });

  it("in F3 is refused without spending the evidence; in S3 by the client [REQ-EVIDENCE-BOUND]", async () => {
    const world = attestedWorld();
    await world.connect(async ({ name, bytes }) => {
      if (name !== "F3") return bytes;
      for (let at = 0; at < bytes.length; at += 1)
        expect(await refusalOf(() => world.responder.handle(flip(at)(bytes), "x"))).toMatch(/^ERR_/);
      return bytes;
    });
    expect(world.responder.sessions.size).toBe(1);
    const { wire } = await world.connect();
    const s3 = wire.at(-1)!.bytes;
    for (let at = 0; at < s3.length; at += 1) {
      const code = await refusalOf(() => world.connect(replacing("S3", flip(at))));
      expect(code).toMatch(/^ERR_(MALFORMED|HANDSHAKE_AUTH)$/);
    }
  });

  it("in an alert makes it worth nothing: no attacker gives reasons in the server's name", async () => {
    const world = channelWorld();
    world.clients.revoke(world.alice);
    expect(await refusalOf(() => world.connect())).toBe("ERR_REFUSED_BY_PEER");
    for (let at = 0; at < 21; at += 1) {
      const code = await refusalOf(() => world.connect(replacing("alert", flip(at))));
      expect(code).toMatch(/^ERR_(MALFORMED|HANDSHAKE_AUTH)$/);
    }
  });
});

describe("a cut or extended flight (spec §3) [REQ-MITM-TRUNCATE]", () => {
  it("is refused by the server at every length", async () => {
    const world = attestedWorld();
    await world.connect(async ({ name, to, bytes }) => {
      if (to === "client") return bytes;
      for (let length = 0; length < bytes.length; length += 1)
        expect(await refusalOf(() => world.responder.handle(bytes.subarray(0, length), "x"))).toBe(
          "ERR_MALFORMED",
        );
      const longer = concat(bytes, Uint8Array.of(0));
      expect(await refusalOf(() => world.responder.handle(longer, "x")), name).toBe("ERR_MALFORMED");
      return bytes;
    });
    expect(world.responder.sessions.size).toBe(1);
  });

  it("is refused by the client", async () => {
    const world = attestedWorld();
    const { wire } = await world.connect();
    for (const { name, to, bytes } of wire.filter((flight) => flight.to === "client")) {
      const lengths = [0, 1, 2, 20, bytes.length - 17, bytes.length - 1].filter((n) => n >= 0);
      for (const length of lengths) {
        const code = await refusalOf(() => world.connect(replacing(name, (b) => b.subarray(0, length))));
        expect(code, `${name} ${to} ${length}`).toBe("ERR_MALFORMED");
      }
      const code = await refusalOf(() => world.connect(replacing(name, (b) => concat(b, Uint8Array.of(0)))));
      expect(code).toBe("ERR_MALFORMED");
    }
  });
});

describe("flights of two handshakes (spec §4.1)", () => {
  it.each(["S1", "S2", "F2", "F3", "S3"])("an exchanged %s is refused", async (name) => {
    const world = attestedWorld();
    const { wire } = await world.connect();
    const other = wire.find((flight) => flight.name === name)!.bytes;
    const code = await refusalOf(() => world.connect(replacing(name, () => other)));
    expect(code).toMatch(/^(outer ERR_PENDING_UNKNOWN|ERR_HANDSHAKE_AUTH)$/);
    expect(world.responder.sessions.size).toBe(name === "S3" ? 2 : 1);
  });

  it("an F2 under the id of another open handshake is refused, and neither is spent", async () => {
    const world = channelWorld();
    const flights: WireMessage[] = [];
    const hold = memoryPipe(world.responder, (flight) => {
      flights.push(flight);
      if (flight.name === "F2") throw new OuterRefusal("held back");
      return flight.bytes;
    });
    await Promise.allSettled([
      initiate(world.initiator, hold.exchange),
      initiate(world.initiator, hold.exchange),
    ]);
    const [first, second] = flights.filter(({ name }) => name === "F2").map(({ bytes }) => bytes);
    const mixed = concat(first!.subarray(0, 17), second!.subarray(17));
    expect(await refusalOf(() => world.responder.handle(mixed, "x"))).toBe("ERR_HANDSHAKE_AUTH");
    expect((await world.responder.handle(first!, "x"))[0]).toBe(message.TYPE.S2);
    expect((await world.responder.handle(second!, "x"))[0]).toBe(message.TYPE.S2);
  });

  it("S1's clear part with another handshake's sealed part is refused, and the other way round", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const old = message.parseS1(wire[1]!.bytes);
    const graft: ((s1: message.S1) => Uint8Array)[] = [
      (s1) => message.encodeFlight(old.clear, s1.sealed),
      (s1) => message.encodeFlight(s1.clear, old.sealed),
    ];
    for (const change of graft) {
      const attacker = replacing("S1", (bytes) => change(message.parseS1(bytes)));
      expect(await refusalOf(() => world.connect(attacker))).toBe("ERR_HANDSHAKE_AUTH");
    }
  });
});

describe("reflection (spec §3) [REQ-MITM-REFLECT, W15]", () => {
  it.each([
    ["F1", "S1"],
    ["F2", "S2"],
    ["F3", "S3"],
  ])("%s sent back to the client is not taken for %s", async (own, expected) => {
    const world = attestedWorld();
    let sent: Uint8Array = new Uint8Array(0);
    const attempt = world.connect(({ name, bytes }) => {
      if (name === own) sent = bytes;
      return name === expected ? sent : bytes;
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_MALFORMED");
  });

  it("nor with the type byte changed to the expected one", async () => {
    const world = attestedWorld();
    const { wire } = await world.connect();
    const f2 = Uint8Array.from(wire.find(({ name }) => name === "F2")!.bytes);
    f2[0] = message.TYPE.S2;
    expect(await refusalOf(() => world.connect(replacing("S2", () => f2)))).toMatch(
      /^ERR_(MALFORMED|HANDSHAKE_AUTH)$/,
    );
  });

  it("the server takes none of its own messages", async () => {
    const world = attestedWorld();
    const { wire } = await world.connect();
    for (const { bytes } of wire.filter(({ to }) => to === "client"))
      expect(await refusalOf(() => world.responder.handle(bytes, "x"))).toBe("ERR_MALFORMED");
  });
});

describe("a replayed flight (spec §3.5) [REQ-MITM-FLIGHT, W13]", () => {
  it("F2 gives one session: the second gets nothing [REQ-CLAIM-ONCE]", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const f2 = wire[2]!.bytes;
    expect(await refusalOf(() => world.responder.handle(f2, "x"))).toBe("ERR_PENDING_UNKNOWN");
    expect(world.responder.sessions.size).toBe(1);
  });

  it("F2 gives one session also when it arrives ten times at once [REQ-CLAIM-ONCE]", async () => {
    const world = channelWorld();
    const answers: PromiseSettledResult<Uint8Array>[] = [];
    await world
      .connect(async ({ name, bytes }) => {
        if (name !== "F2") return bytes;
        const copies = Array.from({ length: 10 }, () => world.responder.handle(bytes, "x"));
        answers.push(...(await Promise.allSettled(copies)));
        return bytes;
      })
      .catch(() => undefined);
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(world.responder.sessions.size).toBe(1);
  });

  it("F2 that another node of a shared store claimed first opens nothing here [REQ-CLAIM-ONCE]", async () => {
    const clock = new ManualClock();
    const store = new MemoryPendingStore(10, clock);
    const pending: PendingStore = {
      put: (id, entry) => store.put(id, entry),
      get: (id) => store.get(id),
      claim: () => false,
      full: false,
      size: 0,
    };
    const world = channelWorld({ server: { pending, clock } });
    expect(await refusalOf(() => world.connect())).toBe("outer ERR_PENDING_UNKNOWN");
    expect(world.responder.sessions.size).toBe(0);
  });

  it("F2 is claimed before the signature is checked, so a slow verifier opens no gap [REQ-CLAIM-ONCE]", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const world = channelWorld();
    const slow = channelWorld({
      alice: world.alice,
      tools: world.tools,
      server: {
        clients: {
          types: [1],
          verify: async (...args) => {
            await gate;
            return await world.clients.verify(...args);
          },
        },
      },
    });
    const attempt = slow.connect(async ({ name, bytes }) => {
      if (name === "F2") {
        const first = slow.responder.handle(bytes, "x");
        expect(await refusalOf(() => slow.responder.handle(bytes, "x"))).toBe("ERR_PENDING_UNKNOWN");
        open();
        await first;
      }
      return bytes;
    });
    expect(await refusalOf(() => attempt)).toBe("outer ERR_PENDING_UNKNOWN");
    expect(slow.responder.sessions.size).toBe(1);
  });

  it("F2 that was refused cannot be tried again with another verdict", async () => {
    const world = channelWorld();
    world.clients.revoke(world.alice);
    let f2: Uint8Array = new Uint8Array(0);
    const attempt = world.connect(({ name, bytes }) => {
      if (name === "F2") f2 = bytes;
      return bytes;
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_REFUSED_BY_PEER");
    world.clients.accept(world.alice);
    expect(await refusalOf(() => world.responder.handle(f2, "x"))).toBe("ERR_PENDING_UNKNOWN");
  });

  it("F1 opens a handshake that whoever replays it cannot finish", async () => {
    const world = channelWorld();
    const { wire } = await world.connect();
    const s1 = message.parseS1(await world.responder.handle(wire[0]!.bytes, "x"));
    expect(s1.kemCiphertext).not.toEqual(message.parseS1(wire[1]!.bytes).kemCiphertext);
    const f2 = message.encodeFlight(
      message.encodeFlightClear(message.TYPE.F2, s1.handshakeId),
      message.parseFlight(message.TYPE.F2, wire[2]!.bytes).sealed,
    );
    expect(await refusalOf(() => world.responder.handle(f2, "x"))).toBe("ERR_HANDSHAKE_AUTH");
    expect(world.responder.sessions.size).toBe(1);
  });

  it("F3 gives one session", async () => {
    const world = attestedWorld();
    const { wire } = await world.connect();
    expect(await refusalOf(() => world.responder.handle(wire[4]!.bytes, "x"))).toBe("ERR_PENDING_UNKNOWN");
    expect(world.responder.sessions.size).toBe(1);
  });

  it("a handshake that is not continued for 30 s is forgotten [REQ-PENDING-BOUNDED]", async () => {
    for (const name of ["F2", "F3"]) {
      const world = attestedWorld();
      const attempt = world.connect((flight) => {
        if (flight.name === name) world.clock.advance(30_000);
        return flight.bytes;
      });
      expect(await refusalOf(() => attempt)).toBe("outer ERR_PENDING_UNKNOWN");
    }
  });
});

describe("a forged refusal (spec §3.7)", () => {
  it("an alert under a random key is no alert", async () => {
    const world = channelWorld();
    const forged = message.encodeFlight(
      message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0)),
      random(17),
    );
    expect(await refusalOf(() => world.connect(replacing("S2", () => forged)))).toBe("ERR_HANDSHAKE_AUTH");
  });

  it("an alert instead of S1 is no alert: before S1 nobody is authenticated", async () => {
    const world = channelWorld();
    const forged = message.encodeFlight(
      message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0)),
      random(17),
    );
    expect(await refusalOf(() => world.connect(replacing("S1", () => forged)))).toBe("ERR_MALFORMED");
  });

  it("a request to try again does not loop for ever", async () => {
    const world = channelWorld();
    let flights = 0;
    const attempt = world.connect(({ to, bytes }) => {
      if (to === "server") flights += 1;
      return to === "client" ? message.encodeR(random(40)) : bytes;
    });
    // The first is answered; the server refuses the forged token of the second.
    expect(await refusalOf(() => attempt)).toBe("outer ERR_RETRY_TOKEN");
    expect(flights).toBe(2);
    const alone = initiate(world.initiator, () => Promise.resolve(message.encodeR(random(40))));
    expect(await refusalOf(() => alone)).toBe("ERR_RETRY_LOOP");
  });
});
