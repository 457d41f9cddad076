import { random } from "@trusted-mcp/primitives/bytes";
import { ManualClock, refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { give, nodesOf, sealed } from "../../test/nodes.ts";
import { initiate } from "../handshake/initiator.ts";
import { RetryTokens } from "../handshake/retry-token.ts";
import { MemoryStateStore } from "./memory-state-store.ts";
import { encodePending, encodeTicket, parsePending, parseTicket } from "./handshake-state.ts";
import { encodeSession, parseSession, type SessionState } from "./session-state.ts";
import { StateSeal } from "./state-seal.ts";

const key = random(32);
const seal = new StateSeal([key]);

describe("what goes into a store (spec §5.7) [REQ-NODES-SEALED]", () => {
  it("opens as what it was and nowhere else", async () => {
    const value = seal.seal("session", "name", 3, Uint8Array.of(1, 2, 3));
    expect(seal.open("session", "name", 3, value)).toEqual(Buffer.from([1, 2, 3]));
    for (const [kind, name, version] of [
      ["ticket", "name", 3],
      ["session", "other", 3],
      ["session", "name", 2],
    ] as const)
      expect(await refusalOf(() => seal.open(kind, name, version, value))).toBe("ERR_STORED_STATE");
    expect(await refusalOf(() => new StateSeal([random(32)]).open("session", "name", 3, value))).toBe(
      "ERR_STORED_STATE",
    );
  });

  it("each bit counts, and so does each length [REQ-MALLEABLE]", async () => {
    const value = seal.seal("pending", "n", 1, random(20));
    for (let bit = 0; bit < value.length * 8; bit += 1)
      expect(await refusalOf(() => seal.open("pending", "n", 1, withFlippedBit(value, bit)))).toBe(
        "ERR_STORED_STATE",
      );
    for (let length = 0; length < value.length; length += 1)
      expect(await refusalOf(() => seal.open("pending", "n", 1, value.subarray(0, length)))).toBe(
        "ERR_STORED_STATE",
      );
    expect(await refusalOf(() => seal.open("pending", "n", 1, new Uint8Array(1_000_000)))).toBe(
      "ERR_STORED_STATE",
    );
  });

  it("no two values look alike, and names tell nothing of what they stand for", () => {
    const values = Array.from({ length: 50 }, () => seal.seal("ticket", "n", 1, new Uint8Array(16)));
    expect(new Set(values.map((value) => Buffer.from(value).toString("hex"))).size).toBe(50);
    const [name] = seal.names("session", "AAAAAAAAAAAAAAAAAAAAAA");
    expect(name).toMatch(/^[\w-]{32}$/);
    expect(seal.names("ticket", "AAAAAAAAAAAAAAAAAAAAAA")).not.toContain(name);
    expect(new StateSeal([random(32)]).names("session", "AAAAAAAAAAAAAAAAAAAAAA")).not.toContain(name);
  });

  it.each([[[]], [[random(31)]], [[random(64)]], [[new Uint8Array(32)]], [[key, random(16)]]])(
    "keys that are none are refused when the server is made (%#) [ERR_STORE_KEY]",
    async (keys) => {
      expect(await refusalOf(() => new StateSeal(keys))).toBe("ERR_STORE_KEY");
    },
  );

  it("keys can be exchanged one after the other, while sessions go on", async () => {
    const { connect, add, key: old, store } = nodesOf(1);
    const next = random(32);
    const client = await connect(() => 0);
    // First every node learns the new key, then it seals, then the old one goes.
    const both = add({ nodes: { store, keys: [old, next] } });
    const turned = add({ nodes: { store, keys: [next, old] } });
    const done = add({ nodes: { store, keys: [next] } });
    expect((await give(both, sealed(client).record)).kind).toBe("message");
    expect((await give(turned, sealed(client).record)).kind).toBe("message");
    expect(await refusalOf(() => give(done, sealed(client).record))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("nothing that reaches the store holds a key, a peer's key or an audience", async () => {
    const seen: Uint8Array[] = [];
    const keep = (args: unknown[]): void => {
      for (const arg of args)
        if (arg instanceof Uint8Array) seen.push(new Uint8Array(arg));
        else if (typeof arg === "string") seen.push(Buffer.from(arg));
        else if (typeof arg === "object" && arg !== null) seen.push(Buffer.from(JSON.stringify(arg)));
    };
    const { connect, nodes, world } = nodesOf(2, {
      store: (clock) =>
        new Proxy(new MemoryStateStore(clock), {
          get: (target, name: keyof MemoryStateStore) => {
            const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
            return (...args: unknown[]) => {
              keep(args);
              return method(...args);
            };
          },
        }),
    });
    const client = await connect();
    await give(nodes[0]!, sealed(client).record);
    const again = await connect((flight) => flight, { ticket: client.ticket! });
    expect(again.resumed).toBe(true);
    const all = Buffer.concat(seen);
    const { root } = nodes[0]!.sessions.get(client.id).epochs.state().current;
    expect(all.length).toBeGreaterThan(1000);
    for (const secret of [
      Buffer.from(root),
      Buffer.from("tools.example"),
      Buffer.from(client.id),
      Buffer.from(client.id, "base64url"),
      Buffer.from(world.alice.peer.keyId),
      Buffer.from(world.alice.peer.name),
    ])
      expect(all.includes(secret)).toBe(false);
  });
});

describe("resumption over several nodes [REQ-RESUME]", () => {
  it("a ticket serves once, at whichever node, and two nodes at once give one session", async () => {
    const { connect } = nodesOf(3);
    const first = await connect();
    const { psk, ...rest } = first.ticket!;
    const copies = Array.from({ length: 4 }, () => ({ ...rest, psk: new Uint8Array(psk) }));
    const tries = await Promise.allSettled(
      copies.map((ticket, index) => connect((flight) => flight + index, { ticket })),
    );
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("an anonymous client's ticket opens nothing at a node that admits no such clients, wherever F1 went", async () => {
    const { add, world } = nodesOf(0);
    const [open, strict] = [add({ clientAuth: "optional" }), add()];
    const { identity: _, ...anonymous } = world.initiator;
    const at = (first: typeof open, second: typeof open) => (message: Uint8Array) =>
      (message[0] === 1 ? first : second).handle(message, "a");
    const ticketOf = async () => (await initiate(anonymous, at(open, open))).ticket!;
    expect((await initiate({ ...anonymous, ticket: await ticketOf() }, at(open, open))).resumed).toBe(true);
    await expect(
      initiate({ ...anonymous, ticket: await ticketOf() }, at(open, strict)),
    ).rejects.toMatchObject({ code: "ERR_REFUSED_BY_PEER", message: expect.stringContaining("ticket") });
    expect(strict.sessions.size).toBe(0);
  });

  it("does not outlast the first session", async () => {
    const { connect, clock } = nodesOf(2);
    const first = await connect();
    clock.advance(3_600_000);
    const second = await connect((flight) => flight, { ticket: first.ticket! });
    expect(second.notAfter).toBeLessThanOrEqual(first.notAfter + 1000);
  });
});

describe("retry tokens that nodes share (spec §3.2, §5.7)", () => {
  const f1 = random(100);
  const at = (now: number): { now: () => number; monotonic: () => number } => ({
    now: () => now,
    monotonic: () => Math.random() * 1e9,
  });

  it("are taken by each node for 10 s, with clocks that differ by less than 5 s, and by no stranger", () => {
    const keys = seal.retryKeys();
    const now = 1_800_000_000_000;
    const token = new RetryTokens(at(now), keys).issue(f1, "a");
    for (const [later, taken] of [
      [-5001, false],
      [-4999, true],
      [0, true],
      [10_000, true],
      [10_001, false],
      [86_400_000, false],
      [-86_400_000, false],
    ] as const)
      expect(new RetryTokens(at(now + later), keys).accepts(token, f1, "a")).toBe(taken);
    const other = new RetryTokens(at(now), new StateSeal([random(32)]).retryKeys());
    expect(other.accepts(token, f1, "a")).toBe(false);
    expect(new RetryTokens(at(now), keys).accepts(token, f1, "b")).toBe(false);
    expect(new RetryTokens(new ManualClock(now)).accepts(token, f1, "a")).toBe(false);
  });
});

describe("state as bytes", () => {
  const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: length, maxLength: length });
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary);
  const ms = fc.integer({ min: 0, max: 8_640_000_000_000 });
  const session: fc.Arbitrary<SessionState> = fc.record({
    audience: fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" }),
    framing: fc.integer({ min: 1, max: 2 }),
    resumed: fc.boolean(),
    notAfter: ms,
    credential: optional(fc.uint8Array({ maxLength: 300 })),
    epochs: fc.record({
      current: fc.record({ number: fc.integer({ min: 0, max: 0xffff_ffff }), root: bytes(48) }),
      next: optional(bytes(48)),
      old: optional(
        fc.record({
          number: fc.integer({ min: 0, max: 0xffff_ffff }),
          root: bytes(48),
          leftMs: fc.integer({ min: 0, max: 60_000 }),
        }),
      ),
      lastRekey: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER - 1 }),
    }),
  });

  it("a session reads as it was written; each byte missing or too many is refused", () => {
    fc.assert(
      fc.property(session, ms, (state, now) => {
        const encoded = encodeSession(state, now);
        expect(parseSession(encoded, now)).toEqual(state);
        expect(() => parseSession(encoded.subarray(1), now)).toThrow();
        expect(() => parseSession(encoded.subarray(0, -1), now)).toThrow();
        expect(() => parseSession(Buffer.concat([encoded, Buffer.of(0)]), now)).toThrow();
      }),
    );
  });

  it("handshakes and tickets read as they were written", () => {
    const pending = {
      expiresAt: 5,
      handshakeSecret: random(48),
      transcript0: random(48),
      transcript1: random(48),
      serverCredential: null,
      serverSpki: null,
      serverSignature: random(64),
      serverFinished: random(48),
      clientRequest: null,
      serverContext: null,
      audience: "https://tools.example/mcp",
      framing: 2,
      ticketId: random(16),
      credentialNotAfter: 1_800_000_000_000,
    };
    for (const each of [
      pending,
      { ...pending, serverSignature: null, ticketId: null, credentialNotAfter: Infinity },
    ]) {
      expect(encodePending(parsePending(encodePending(each), 5))).toEqual(encodePending(each));
      expect(() => parsePending(encodePending(each).subarray(1), 5)).toThrow();
    }
    const ticket = { psk: random(48), peerCredential: random(90), audience: "a", notAfter: 7 };
    for (const each of [ticket, { ...ticket, peerCredential: null }])
      expect(encodeTicket(parseTicket(encodeTicket(each)))).toEqual(encodeTicket(each));
  });

  it("any bytes are parsed or refused with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
        for (const parse of [
          () => parseSession(input, 0),
          () => parsePending(input, 0),
          () => parseTicket(input),
        ])
          try {
            parse();
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_STORED_STATE" });
          }
      }),
    );
  });
});
