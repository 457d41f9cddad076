import { concat } from "@trusted-mcp/primitives/bytes";
import {
  refusalOf,
  testIdentity,
  testVerifier,
  withFlippedBit,
  type ManualClock,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { give, nodesOf, rekeyAt, sealed } from "../../test/nodes.ts";
import { clientSession, openAnswer, sent, serverSession } from "../../test/records.ts";
import { MemoryStateStore, parseResponseHead, type Opened, type StateStore } from "../index.ts";
import { LAST_EPOCH } from "../session/epoch.ts";
import { Epochs } from "../session/epochs.ts";

type InitiatorExchange = Parameters<typeof openAnswer>[0];

/** The refusal's code; 0 for a message that would run. */
function refusal(exchange: InitiatorExchange, opened: Opened): number {
  if (opened.kind === "message") return 0;
  const answer = { header: opened.answer.header, chunks: concat(...opened.reply) };
  const head = parseResponseHead(openAnswer(exchange, answer));
  return head.kind === "refusal" ? head.code : -1;
}

/** A store whose methods fail, or answer late, when the test says so. */
function faulty(
  clock: ManualClock,
): StateStore & { failing: Set<string>; held: (() => Promise<void>) | null } {
  const inner = new MemoryStateStore(clock);
  const own = { failing: new Set<string>(), held: null as (() => Promise<void>) | null };
  return new Proxy(Object.assign(inner, own), {
    get(target, name: keyof StateStore) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...args: never[]): Promise<unknown> => {
        if (target.failing.has(name)) throw new Error("the store is away");
        return await Reflect.apply(value as (...args: never[]) => Promise<unknown>, target, args);
      };
    },
  });
}

describe("a session that nodes share (spec §5.7)", () => {
  it("is opened by two nodes together and served by any [REQ-NODES-ANY]", async () => {
    for (const route of [(flight: number) => flight, () => 0, (flight: number) => 2 - flight]) {
      const { nodes, connect } = nodesOf(3);
      const client = await connect(route);
      for (let count = 0; count < 12; count += 1) {
        const { exchange, record } = sealed(client, `call ${count}`);
        expect(refusal(exchange, await give(nodes[count % 3]!, record))).toBe(0);
      }
    }
  });

  it("one F2 that reaches all nodes at once opens one session", async () => {
    const { nodes, through } = nodesOf(3);
    let opened = 0;
    await through(async (message) => {
      if (message[0] === 1) return await nodes[0]!.handle(message, "a");
      const answers = await Promise.allSettled(nodes.map((node) => node.handle(message, "a")));
      const given = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
      opened = given.length;
      return given[0]!;
    });
    expect(opened).toBe(1);
  });

  it("the same record at all nodes at the same moment runs once; later, nowhere [REQ-NODES-REPLAY]", async () => {
    const { nodes, connect, clock } = nodesOf(3);
    const client = await connect();
    const captured = [];
    for (let count = 0; count < 20; count += 1) {
      const { exchange, record } = sealed(client, `call ${count}`);
      captured.push(record);
      const opened = await Promise.all([...nodes, ...nodes].map((node) => give(node, record)));
      expect(opened.filter(({ kind }) => kind === "message")).toHaveLength(1);
      for (const each of opened) {
        if (each.kind === "message") continue;
        exchange.repeat();
        expect(refusal(exchange, each)).toBe(1);
      }
    }
    clock.advance(60_000);
    for (const record of captured)
      for (const node of nodes) expect((await give(node, record)).kind).toBe("handled");
  });

  it("a node that never saw the session refuses what others ran; so does one whose store forgets", async () => {
    const { nodes, connect, add, store, key } = nodesOf(1);
    const client = await connect(() => 0);
    const { record } = sealed(client);
    expect((await give(nodes[0]!, record)).kind).toBe("message");
    expect((await give(add(), record)).kind).toBe("handled");
    // A store that lies about its window: what this node itself has run it does not run again.
    const lying: StateStore = Object.assign(Object.create(store) as StateStore, {
      admit: () => Promise.resolve({ verdict: "fresh", version: 1 } as const),
      session: (name: string) => store.session(name),
    });
    const fooled = add({ nodes: { store: lying, keys: [key] } });
    const next = sealed(client).record;
    expect((await give(fooled, next)).kind).toBe("message");
    expect((await give(fooled, next)).kind).toBe("handled");
  });

  it.each(["changed", "another session's", "an older version's", "cut", "empty of sense"])(
    "state that is %s is refused, and runs nothing [REQ-NODES-SEALED]",
    async (how) => {
      const { connect, store, add, key } = nodesOf(2);
      const client = await connect();
      const other = await connect();
      const names: string[] = [];
      const seen: StateStore = Object.assign(Object.create(store) as StateStore, {
        session: async (name: string) => {
          names.push(name);
          const stored = await store.session(name);
          if (stored === undefined) return undefined;
          const { value, version } = stored;
          if (how === "changed") return { version, value: withFlippedBit(value, names.length * 8 + 400) };
          if (how === "another session's" && names.length > 1)
            return { version, value: (await store.session(names[0]!))!.value };
          if (how === "an older version's") return { version: version + 1, value };
          if (how === "cut") return { version, value: value.subarray(0, value.length - 1) };
          if (how === "empty of sense") return { version, value: new Uint8Array(70_000) };
          return stored;
        },
        admit: (name: string, sequence: number) => store.admit(name, sequence),
      });
      const node = add({ nodes: { store: seen, keys: [key] } });
      const first = await refusalOf(() => give(node, sealed(other).record)).catch(() => "ran");
      const second = await refusalOf(() => give(node, sealed(client).record)).catch(() => "ran");
      expect([first, second]).toContain("ERR_STORED_STATE");
    },
  );
});

describe("rekeying over several nodes (spec §5.4, §5.7) [REQ-REKEY]", () => {
  it("every node learns the next keys, and forgets the old ones after 60 s", async () => {
    const { nodes, connect, clock } = nodesOf(3);
    const client = await connect();
    for (const node of nodes) await give(node, sealed(client).record);
    for (let number = 1; number <= 9; number += 1) {
      const late = sealed(client).record;
      const later = sealed(client).record;
      await rekeyAt(client, nodes[number % 3]!);
      for (let each = 0; each < 3; each += 1)
        expect((await give(nodes[(number + each + 1) % 3]!, sealed(client).record)).kind).toBe("message");
      for (const node of nodes) await give(node, sealed(client).record);
      expect(nodes.map((node) => node.sessions.get(client.id).epoch)).toEqual([number, number, number]);
      // A record of the epoch before is still good, at any node, for a while.
      expect((await give(nodes[(number + 2) % 3]!, late)).kind).toBe("message");
      clock.advance(60_001);
      expect(await refusalOf(() => give(nodes[number % 3]!, later))).toBe("ERR_EPOCH");
    }
  });

  it("a rekey whose answer was lost is replaced at another node, and the new keys are the ones in use", async () => {
    const { nodes, connect } = nodesOf(3);
    const client = await connect();
    for (const node of nodes) await give(node, sealed(client).record);
    const lost = client.rekey(async (exchange) => {
      await give(nodes[0]!, sent(exchange));
      throw new Error("lost");
    });
    await expect(lost).rejects.toThrow("lost");
    // The first node knows a next epoch that never comes to be.
    await give(nodes[0]!, sealed(client).record);
    await rekeyAt(client, nodes[1]!);
    for (const node of [nodes[0]!, nodes[2]!, nodes[1]!])
      expect((await give(node, sealed(client).record)).kind).toBe("message");
  });

  it("a rekey that is late, at whichever node, is refused and changes nothing", async () => {
    const { nodes, connect } = nodesOf(2);
    const client = await connect();
    let first: ReturnType<typeof sent> | undefined;
    const lost = client.rekey((exchange) => {
      first = sent(exchange);
      return Promise.reject(new Error("delayed"));
    });
    await expect(lost).rejects.toThrow("delayed");
    await rekeyAt(client, nodes[0]!);
    const opened = await give(nodes[1]!, first!);
    expect(opened.kind).toBe("handled");
    expect((await give(nodes[1]!, sealed(client).record)).kind).toBe("message");
    expect(client.epoch).toBe(1);
  });

  it("goes on while calls run at all nodes, and loses none [REQ-NODES-ANY]", async () => {
    const { nodes, connect } = nodesOf(3);
    const client = await connect();
    let at = 0;
    for (let round = 0; round < 30; round += 1) {
      const before = Array.from({ length: 10 }, () => give(nodes[at++ % 3]!, sealed(client).record));
      const change = round % 2 === 0 ? rekeyAt(client, nodes[at++ % 3]!) : Promise.resolve();
      const during = Array.from({ length: 10 }, () => give(nodes[at++ % 3]!, sealed(client).record));
      const opened = await Promise.all([...before, ...during]);
      await change;
      expect(opened.every(({ kind }) => kind === "message")).toBe(true);
    }
    expect(client.epoch).toBe(15);
  });
});

describe("ending a session", () => {
  it("a goodbye at one node ends it at all [REQ-NODES-END]", async () => {
    const { nodes, connect } = nodesOf(3);
    const client = await connect();
    for (const node of nodes) await give(node, sealed(client).record);
    const late = sealed(client).record;
    const goodbye = sent(client.close()!);
    expect((await give(nodes[0]!, goodbye)).kind).toBe("closed");
    for (const node of nodes) expect(await refusalOf(() => give(node, late))).toBe("ERR_SESSION_UNKNOWN");
    for (const node of nodes) expect(await refusalOf(() => give(node, goodbye))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("revoking a key at one node ends its sessions at all, also for what they still have to say [REQ-NODES-END]", async () => {
    const { nodes, connect, world, clock } = nodesOf(3);
    const clients = [await connect(), await connect(), await connect()];
    const running = await Promise.all(
      clients.map(async (client) => {
        for (const node of nodes) await give(node, sealed(client).record);
        return nodes[2]!.sessions.get(client.id);
      }),
    );
    world.clients.revoke(world.alice);
    expect(await nodes[0]!.revoke(world.alice.peer.keyId)).toBe(3);
    for (const client of clients)
      for (const node of nodes)
        expect(await refusalOf(() => give(node, sealed(client).record))).toMatch(/^ERR_SESSION_UNKNOWN$/);
    clock.advance(1000);
    for (const session of running) {
      await nodes[2]!.shared!.confirm(session);
      expect(session.live).toBe(false);
    }
  });

  it("a revoked key's session that idled out ends too: a node may still have a stream of it [REQ-NODES-END]", async () => {
    const { nodes, connect, world, clock } = nodesOf(2);
    const client = await connect();
    await give(nodes[1]!, sealed(client).record);
    const streaming = nodes[1]!.sessions.get(client.id);
    clock.advance(3_600_000);
    world.clients.revoke(world.alice);
    expect(await nodes[0]!.revoke(world.alice.peer.keyId)).toBe(0);
    expect(streaming.live).toBe(true);
    await nodes[1]!.shared!.confirm(streaming);
    expect(streaming.live).toBe(false);
  });

  it("a key that is off one node's list opens nothing there, though another node took it", async () => {
    const { nodes, connect, add } = nodesOf(1);
    const client = await connect(() => 0);
    const strict = add({ clients: testVerifier(testIdentity("bob")) });
    expect(await refusalOf(() => give(strict, sealed(client).record))).toBe("ERR_PEER_UNKNOWN");
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
  });

  it("a key removed while its session was being stored has none", async () => {
    const { connect, world } = nodesOf(1, {
      store: (clock) => {
        const store = new MemoryStateStore(clock);
        const openSession = store.openSession.bind(store);
        store.openSession = async (...args) => {
          await openSession(...args);
          world.clients.revoke(world.alice);
        };
        return store;
      },
    });
    await expect(connect(() => 0)).rejects.toMatchObject({ code: "ERR_REFUSED_BY_PEER" });
  });

  it("a server with other names, or one that takes nobody anonymous, does not serve it", async () => {
    const { connect, add, nodes } = nodesOf(1);
    const client = await connect(() => 0);
    const elsewhere = add({ audiences: ["https://other.example/mcp"] });
    expect(await refusalOf(() => give(elsewhere, sealed(client).record))).toBe("ERR_SESSION_UNKNOWN");
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
  });

  it("of too many sessions of one peer the oldest ends, at all nodes", async () => {
    const limits = { maxSessionsPerPeer: 3 };
    const { connect, add, nodes } = nodesOf(0);
    const own = [add({ limits }), add({ limits })];
    (nodes as unknown[]).push(...own);
    const clients = [];
    for (let count = 0; count < 5; count += 1) clients.push(await connect());
    const open = await Promise.all(
      clients.map((client) =>
        give(own[0]!, sealed(client).record).then(
          () => 1,
          () => 0,
        ),
      ),
    );
    expect(open).toEqual([0, 0, 1, 1, 1]);
  });

  it("a node that keeps few copies drops some and reads them again; a call under way is still answered", async () => {
    const { connect, add, nodes } = nodesOf(1);
    const small = add({ limits: { maxSessions: 2 } });
    const clients = [await connect(() => 0), await connect(() => 0), await connect(() => 0)];
    const sessions = [];
    for (let round = 0; round < 3; round += 1)
      for (const client of clients) {
        expect((await give(small, sealed(client).record)).kind).toBe("message");
        sessions.push(small.sessions.get(client.id));
      }
    expect(small.sessions.size).toBe(2);
    expect(sessions.every((session) => session.live)).toBe(true);
    expect(nodes[0]!.sessions.size).toBe(3);
  });
});

describe("a store that does not answer [REQ-NODES-STORE]", () => {
  it("a record whose number could not be marked is undecided, under seal, and runs when the store is back, once", async () => {
    const { nodes, connect, store } = nodesOf(2, { store: faulty });
    const client = await connect();
    const { failing } = store as ReturnType<typeof faulty>;
    for (const node of nodes) await give(node, sealed(client).record);
    failing.add("admit");
    const { exchange, record } = sealed(client);
    for (const node of nodes) {
      exchange.repeat();
      expect(refusal(exchange, await give(node, record))).toBe(5);
    }
    failing.clear();
    exchange.repeat();
    expect(refusal(exchange, await give(nodes[1]!, record))).toBe(0);
    exchange.repeat();
    expect(refusal(exchange, await give(nodes[0]!, record))).toBe(1);
  });

  it("a copy that ran at one node is never called unrun by another that cannot ask", async () => {
    const { nodes, connect, store } = nodesOf(2, { store: faulty });
    const client = await connect();
    for (const node of nodes) await give(node, sealed(client).record);
    const { exchange, record } = sealed(client);
    expect(refusal(exchange, await give(nodes[0]!, record))).toBe(0);
    (store as ReturnType<typeof faulty>).failing.add("admit");
    exchange.repeat();
    // 2, 3 and 4 would tell the client that it may seal the call anew.
    expect(refusal(exchange, await give(nodes[1]!, record))).toBe(5);
  });

  it("with the number marked and the keys out of reach it is busy: that copy was the only one", async () => {
    const { nodes, connect, store } = nodesOf(2, { store: faulty });
    const client = await connect();
    const { failing } = store as ReturnType<typeof faulty>;
    for (const node of nodes) await give(node, sealed(client).record);
    const old = sealed(client);
    await rekeyAt(client, nodes[0]!);
    failing.add("session");
    expect(refusal(old.exchange, await give(nodes[1]!, old.record))).toBe(4);
    failing.clear();
    old.exchange.repeat();
    expect(refusal(old.exchange, await give(nodes[1]!, old.record))).toBe(1);
  });

  it("a session not known here, and a handshake, get nothing authentic: there is no key to say it with", async () => {
    const { nodes, connect, store } = nodesOf(2, { store: faulty });
    const client = await connect(() => 0);
    const { failing } = store as ReturnType<typeof faulty>;
    failing.add("session");
    expect(await refusalOf(() => give(nodes[1]!, sealed(client).record))).toBe("ERR_STORE");
    failing.add("put");
    await expect(connect()).rejects.toMatchObject({ code: "ERR_STORE" });
    failing.delete("put");
    failing.add("take");
    await expect(connect()).rejects.toMatchObject({ code: "ERR_STORE" });
    failing.delete("take");
    failing.add("openSession");
    await expect(connect()).rejects.toMatchObject({ code: "ERR_REFUSED_BY_PEER", action: "retry" });
  });

  it("a rekey that could not be stored is refused, and the old keys go on", async () => {
    const { nodes, connect, store } = nodesOf(2, { store: faulty });
    const client = await connect();
    const { failing } = store as ReturnType<typeof faulty>;
    failing.add("replaceSession");
    await expect(rekeyAt(client, nodes[0]!)).rejects.toMatchObject({ code: "ERR_REKEY" });
    failing.clear();
    expect((await give(nodes[1]!, sealed(client).record)).kind).toBe("message");
    await rekeyAt(client, nodes[1]!);
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
  });

  it("a store that lost everything runs nothing again", async () => {
    let store = new MemoryStateStore();
    const swapped = new Proxy({} as StateStore, {
      get: (_, name: keyof StateStore) => (store[name] as () => unknown).bind(store),
    });
    const { nodes, connect } = nodesOf(2, { store: () => swapped });
    const client = await connect();
    const { record } = sealed(client);
    await give(nodes[0]!, record);
    await give(nodes[1]!, sealed(client).record);
    store = new MemoryStateStore();
    for (const node of nodes) {
      expect(await refusalOf(() => give(node, record))).toBe("ERR_SESSION_UNKNOWN");
      expect(await refusalOf(() => give(node, sealed(client).record))).toBe("ERR_SESSION_UNKNOWN");
    }
  });
});

describe("clocks (spec §5.5, §5.7) [REQ-LIFETIME, REQ-NODES-CLOCK]", () => {
  const DAY = 24 * 60 * 60 * 1000;

  it.each([DAY, -DAY, 400 * DAY, -400 * DAY])(
    "a wall clock that jumps by %i ms neither ends nor lengthens a session at the nodes that serve it",
    async (jump) => {
      const { nodes, connect, clock } = nodesOf(2);
      const client = await connect();
      for (const node of nodes) await give(node, sealed(client).record);
      const last = sealed(client).record;
      clock.jump(jump);
      for (const node of nodes) expect((await give(node, sealed(client).record)).kind).toBe("message");
      expect(client.usable).toBe(true);
      for (let hour = 0; hour < 23; hour += 1) {
        clock.advance(DAY / 24 - 60_000);
        for (const node of nodes) expect((await give(node, sealed(client).record)).kind).toBe("message");
      }
      clock.advance(DAY / 24);
      for (const node of nodes) expect(await refusalOf(() => give(node, last))).toMatch(/ERR_SESSION/);
    },
  );

  it("a node whose wall clock is behind serves a session no longer than the store's own clock lets it", async () => {
    const { connect, clock, add } = nodesOf(1);
    const client = await connect(() => 0);
    const kept = Array.from({ length: 3 }, () => sealed(client).record);
    for (let hour = 0; hour < 23; hour += 1) {
      clock.advance(DAY / 24 - 1000);
      expect((await give(add(), sealed(client).record)).kind).toBe("message");
    }
    clock.advance(DAY / 24 + 60_000);
    const behind = { now: () => clock.now() - 10 * DAY, monotonic: () => clock.monotonic() };
    expect(await refusalOf(() => give(add({ clock: behind }), kept[0]!))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("a node whose wall clock is ahead ends a session early, never late", async () => {
    const { connect, clock, add, nodes } = nodesOf(1);
    const client = await connect(() => 0);
    const ahead = { now: () => clock.now() + 2 * DAY, monotonic: () => clock.monotonic() };
    expect(await refusalOf(() => give(add({ clock: ahead }), sealed(client).record))).toBe(
      "ERR_SESSION_EXPIRED",
    );
    expect((await give(nodes[0]!, sealed(client).record)).kind).toBe("message");
  });

  it("an old epoch lasts 60 s at a node from when it heard of it, whatever its wall clock says", async () => {
    const { connect, clock, add, nodes } = nodesOf(1);
    const client = await connect(() => 0);
    const old = [sealed(client).record, sealed(client).record];
    await rekeyAt(client, nodes[0]!);
    await give(nodes[0]!, sealed(client).record);
    const behind = add({ clock: { now: () => clock.now() - DAY, monotonic: () => clock.monotonic() } });
    expect((await give(behind, old[0]!)).kind).toBe("message");
    clock.advance(60_001);
    expect(await refusalOf(() => give(behind, old[1]!))).toBe("ERR_EPOCH");
  });

  it("a sleep of hours ends an idle session at both ends; of minutes, nothing", async () => {
    const { connect, clock, nodes } = nodesOf(2);
    const client = await connect();
    clock.advance(10 * 60_000);
    expect((await give(nodes[1]!, sealed(client).record)).kind).toBe("message");
    const kept = sealed(client).record;
    clock.advance(3 * 3_600_000);
    expect(client.usable).toBe(false);
    for (const node of nodes) expect(await refusalOf(() => give(node, kept))).toMatch(/ERR_SESSION/);
  });
});

describe("numbers near their end [REQ-NODES-LONG]", () => {
  const MAX = Number.MAX_SAFE_INTEGER;

  it("sequence numbers go to 2^53 - 1 and not beyond; the session asks to be replaced before", async () => {
    const { clock } = nodesOf(0);
    const root = new Uint8Array(48).fill(7);
    const id = new Uint8Array(16).fill(9);
    const server = serverSession(clock, id, root);
    const start = { epoch: 0, sequence: MAX - 5000 };
    const long = clientSession(clock, root, id, start);
    expect(long.usable).toBe(true);
    const { open } = await import("../../test/records.ts");
    const records = [];
    for (let count = 0; count <= 5000; count += 1) records.push(sealed(long).record);
    expect(long.usable).toBe(false);
    expect(await refusalOf(() => sealed(long))).toBe("ERR_SESSION_EXPIRED");
    expect(open(server, records[0]!).kind).toBe("message");
    expect(open(server, records.at(-1)!).kind).toBe("message");
    expect(open(server, records.at(-1)!).kind).toBe("handled");
    expect(open(server, records.at(-2)!).kind).toBe("message");
    expect(open(server, records[1]!).kind).toBe("handled");
  });

  it("a session of millions of messages keeps its window, in memory and in a store", async () => {
    const { store } = nodesOf(0);
    await store.openSession("k", new Uint8Array(1), {
      idleMs: 1e9,
      lifeMs: 1e9,
      group: "g",
      groupLimit: 9,
    });
    let fresh = 0;
    for (let at = 0; at < 3_000_000; at += 997) {
      if ((await store.admit("k", at)).verdict === "fresh") fresh += 1;
      expect((await store.admit("k", at)).verdict).toBe("seen");
    }
    expect(fresh).toBe(Math.ceil(3_000_000 / 997));
    for (const far of [MAX - 1, MAX]) expect((await store.admit("k", far)).verdict).toBe("fresh");
    for (const old of [0, 2_999_976, MAX - 2048, MAX])
      expect((await store.admit("k", old)).verdict).toBe("seen");
  });

  it("the last epoch is never followed by another: the client stops, the server refuses", async () => {
    const { clock } = nodesOf(0);
    const root = new Uint8Array(48).fill(3);
    const id = new Uint8Array(16).fill(4);
    const client = clientSession(clock, root, id, { epoch: LAST_EPOCH, sequence: 5 });
    await expect(client.rekey(() => Promise.reject(new Error("sent")))).rejects.toMatchObject({
      code: "ERR_REKEY",
    });
    const last = { current: { number: LAST_EPOCH, root }, next: null, old: null, lastRekey: -1 };
    const epochs = Epochs.restore(clock, last);
    const { generateKemKeyPair } = await import("@trusted-mcp/primitives/kem");
    const content = concat(Uint8Array.of(2), generateKemKeyPair().publicKey);
    expect(epochs.rekey(LAST_EPOCH, 6, content)).toBeNull();
    const before = Epochs.restore(clock, { ...last, current: { number: LAST_EPOCH - 1, root } });
    expect(before.rekey(LAST_EPOCH - 1, 6, content)).not.toBeNull();
    before.confirm(LAST_EPOCH);
    expect(before.number).toBe(LAST_EPOCH);
  });
});
