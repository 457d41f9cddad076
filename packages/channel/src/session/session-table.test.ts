import { random } from "@trusted-mcp/primitives/bytes";
import { channelWorld, ManualClock, refusalOf, testIdentity } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { open, sent } from "../../test/records.ts";
import type { Peer } from "../ports.ts";
import { ResponderSession } from "./responder-session.ts";
import { SessionTable, type SessionLimits } from "./session-table.ts";

function table(limits: SessionLimits = {}): {
  clock: ManualClock;
  sessions: SessionTable;
  session: (peer: Peer | null, lifetimeMs?: number) => ResponderSession;
} {
  const clock = new ManualClock();
  const sessions = new SessionTable(limits, clock);
  return {
    clock,
    sessions,
    session: (peer, lifetimeMs = 3_600_000) => {
      const session = new ResponderSession({
        id: random(16),
        root: random(48),
        framing: 1,
        peer,
        audience: "a",
        appraisal: null,
        notAfter: clock.now() + lifetimeMs,
        maxMessageBytes: 1000,
        resumed: false,
        clock,
      });
      sessions.add(session);
      return session;
    },
  };
}

const [alice, bob] = [testIdentity("alice").peer, testIdentity("bob").peer];

describe("the responder's sessions (spec §5.5)", () => {
  it("are found by id, and no other id [W28]", async () => {
    const { sessions, session } = table();
    const mine = session(alice);
    expect(sessions.get(mine.id)).toBe(mine);
    for (const id of ["", "x", `${mine.id}A`, mine.id.slice(1)])
      expect(await refusalOf(() => sessions.get(id))).toBe("ERR_SESSION_UNKNOWN");
  });

  it("one peer over its share loses its own longest idle session, nobody else's [REQ-PENDING-BOUNDED]", () => {
    const { clock, sessions, session } = table({ maxSessionsPerPeer: 2 });
    const others = session(bob);
    const first = session(alice);
    clock.advance(10);
    const second = session(alice);
    first.lastUsed = clock.monotonic() + 1;
    const third = session(alice);
    expect([others.live, first.live, second.live, third.live]).toEqual([true, true, false, true]);
    expect(sessions.size).toBe(3);
  });

  it("clients without identity share one share", () => {
    const { sessions, session } = table({ maxSessionsPerPeer: 2 });
    const nameless = [session(null), session(null), session(null)];
    expect(nameless.map(({ live }) => live)).toEqual([false, true, true]);
    expect(sessions.size).toBe(2);
  });

  it("a full table refuses, until sessions end or idle out", async () => {
    const { clock, sessions, session } = table({ maxSessions: 2, idleMs: 1000 });
    session(alice);
    session(bob);
    expect(await refusalOf(() => session(alice))).toBe("ERR_SESSION_LIMIT");
    clock.advance(999);
    expect(await refusalOf(() => sessions.reserve(alice))).toBe("ERR_SESSION_LIMIT");
    clock.advance(1);
    session(alice);
    expect(sessions.size).toBe(1);
  });

  it("sweep forgets what ended, and only that", () => {
    const { clock, sessions, session } = table({ idleMs: 100_000 });
    const short = session(alice, 5000);
    const long = session(alice);
    clock.advance(5000);
    expect(sessions.sweep()).toBe(1);
    expect([short.live, long.live]).toEqual([false, true]);
    clock.advance(95_000);
    expect(sessions.sweep()).toBe(1);
    expect(long.live).toBe(false);
  });

  it("sweeping happens by itself as new sessions come, at most every minute", () => {
    const { clock, sessions, session } = table({ idleMs: 1000 });
    session(alice);
    clock.advance(59_999);
    sessions.reserve(bob);
    expect(sessions.size).toBe(1);
    clock.advance(2);
    sessions.reserve(bob);
    expect(sessions.size).toBe(0);
  });

  it("revoking a key ends its sessions at once, and no others", async () => {
    const world = channelWorld();
    const bob = testIdentity("bob");
    world.clients.accept(bob);
    const hers = [await world.connect(), await world.connect()];
    const his = await world.connect(undefined, { identity: bob });
    expect(world.responder.sessions.revoke(world.alice.peer.keyId)).toBe(2);
    expect(world.responder.sessions.revoke(world.alice.peer.keyId)).toBe(0);
    expect([...hers, his].map(({ server }) => server.live)).toEqual([false, false, true]);
    const request = sent(hers[0]!.client.seal([]));
    expect(await refusalOf(() => open(hers[0]!.server, request))).toBe("ERR_SESSION_EXPIRED");
  });

  it("clear ends them all", () => {
    const { sessions, session } = table();
    const all = [session(alice), session(bob), session(null)];
    sessions.clear();
    expect(sessions.size).toBe(0);
    expect(all.some(({ live }) => live)).toBe(false);
  });

  it("removing twice, or what was never there, does no harm", () => {
    const { sessions, session } = table();
    const mine = session(alice);
    sessions.remove(mine);
    sessions.remove(mine);
    expect(sessions.size).toBe(0);
    expect(session(alice).live).toBe(true);
  });
});
