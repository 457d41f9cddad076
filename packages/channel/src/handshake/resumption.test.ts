import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { random } from "@trusted-mcp/primitives/bytes";
import {
  channelWorld,
  ManualClock,
  refusalOf,
  sampleTee,
  TEST_AUDIENCE,
  type ChannelWorld,
} from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { alertIn, rogueClient } from "../../test/rogue-client.ts";
import { rogueServer } from "../../test/rogue-server.ts";
import type { TicketEntry, TicketStore } from "../ports.ts";
import { MODE_RESUMPTION, MODE_SIGNATURE } from "../suite.ts";
import { initiate } from "./initiator.ts";
import * as message from "./message.ts";
import type { ResumptionTicket } from "./ticket.ts";
import { MemoryTicketStore } from "./ticket-store.ts";

const HOUR = 3_600_000;

async function ticketFrom(world: ChannelWorld): Promise<ResumptionTicket> {
  const { ticket } = (await world.connect()).client;
  if (ticket === null) throw new Error("no ticket");
  return ticket;
}

/** A copy that this test keeps when `initiate` wipes the original. */
function copy(ticket: ResumptionTicket): ResumptionTicket {
  return { ...ticket, psk: Uint8Array.from(ticket.psk) };
}

const resumed = (world: ChannelWorld, ticket: ResumptionTicket) => world.connect(undefined, { ticket });

describe("resumption (spec §5.5)", () => {
  it("signs nothing, yet both ends know each other as before [REQ-RESUME]", async () => {
    const world = channelWorld();
    const { client, server, wire } = await resumed(world, await ticketFrom(world));
    expect([client.resumed, server.resumed]).toEqual([true, true]);
    expect(client.peer).toEqual(world.tools.peer);
    expect(server.peer).toEqual(world.alice.peer);
    expect(message.parseF1(wire[0]!.bytes).mode).toBe(MODE_RESUMPTION);
  });

  it("agrees on fresh keys: a stolen ticket opens no recorded session [REQ-RESUME, REQ-FORWARD-SECRECY]", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const stolen = copy(ticket);
    const { wire } = await resumed(world, ticket);
    // The thief plays the server's side of the recorded F1: its own KEM secret is another one.
    const exchange = rogueServer({ identity: world.tools, psk: stolen.psk });
    const s1 = await exchange(wire[0]!.bytes);
    expect(message.parseS1(s1).kemCiphertext).not.toEqual(message.parseS1(wire[1]!.bytes).kemCiphertext);
    await expect(exchange(wire[2]!.bytes)).rejects.toMatchObject({ code: "ERR_HANDSHAKE_AUTH" });
  });

  it("keeps the client's credential and nothing of the flight that brought it: tickets take little memory", async () => {
    const tickets = new MemoryTicketStore(10, new ManualClock());
    const world = channelWorld({ server: { tickets } });
    const { id } = await ticketFrom(world);
    const credential = tickets.get(base64url(id))?.peerCredential;
    expect(credential?.length).toBeGreaterThan(0);
    expect(credential?.buffer.byteLength).toBe(credential?.length);
  });

  it("never outlives the session that the ticket came from, over any number of tickets [REQ-LIFETIME]", async () => {
    const world = channelWorld({ server: { lifetimeMs: 3 * HOUR } });
    const first = (await world.connect()).client;
    let ticket = first.ticket!;
    for (let hour = 1; hour <= 2; hour += 1) {
      world.clock.advance(HOUR);
      const { client, server } = await resumed(world, ticket);
      expect([client.notAfter, server.notAfter]).toEqual([first.notAfter, first.notAfter]);
      ticket = client.ticket!;
    }
    world.clock.advance(HOUR);
    expect(await refusalOf(() => resumed(world, ticket))).toBe("ERR_RESUMPTION");
  });

  it("keeps that end also when the server promises more", async () => {
    const world = channelWorld({ server: { lifetimeMs: HOUR } });
    const ticket = await ticketFrom(world);
    const exchange = rogueServer({ identity: world.tools, psk: Uint8Array.from(ticket.psk) });
    world.clock.advance(HOUR / 2);
    expect((await initiate({ ...world.initiator, ticket }, exchange)).notAfter).toBe(ticket.notAfter);
  });

  it("uses a ticket once: its second use is refused by the server", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const again = copy(ticket);
    await resumed(world, ticket);
    expect(await refusalOf(() => resumed(world, again))).toBe("outer ERR_RESUMPTION");
  });

  it("uses a ticket once also when two handshakes with it are open at the same time", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const attempts = [copy(ticket), copy(ticket)].map((each) => resumed(world, each));
    const ended = await Promise.allSettled(attempts);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(ended.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "ERR_REFUSED_BY_PEER", action: "retry" },
    });
  });

  it("wipes the client's ticket, and a wiped one is never used: anyone could play the server with zeros", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    await resumed(world, ticket);
    expect(ticket.psk.every((byte) => byte === 0)).toBe(true);
    const impostor = rogueServer({ identity: world.tools, psk: new Uint8Array(48) });
    const attempt = initiate({ ...world.initiator, ticket }, impostor);
    expect(await refusalOf(() => attempt)).toBe("ERR_RESUMPTION");
  });

  it("wipes the ticket when the handshake fails, too", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    await expect(
      initiate({ ...world.initiator, ticket }, () => Promise.reject(new Error("cut"))),
    ).rejects.toThrow("cut");
    expect(ticket.psk.every((byte) => byte === 0)).toBe(true);
  });

  it.each<[string, Partial<ResumptionTicket>]>([
    ["for another audience", { audience: "https://other.example/mcp" }],
    ["that is over", { notAfter: Date.UTC(2026, 0, 1) }],
    ["of a wrong size", { psk: random(32) }],
  ])("a ticket %s never leaves the client", async (_what, change) => {
    const world = channelWorld();
    const ticket = { ...(await ticketFrom(world)), ...change };
    let sent = 0;
    const attempt = initiate({ ...world.initiator, ticket }, (bytes) => {
      sent += 1;
      return Promise.resolve(bytes);
    });
    expect(await refusalOf(() => attempt)).toBe("ERR_RESUMPTION");
    expect(sent).toBe(0);
  });

  it("a wrong binder and an unknown ticket are refused alike, with no fall-back to another mode", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const f1 = { mode: MODE_RESUMPTION, ticketId: ticket.id };
    const cases = [
      { identity: null, psk: ticket.psk, f1, binder: random(48) },
      { identity: null, psk: random(48), f1 },
      { identity: null, psk: ticket.psk, f1: { ...f1, ticketId: random(16) } },
      // Zeros stand for "no PSK" in the schedule; they must not prove an unknown ticket.
      { identity: null, psk: new Uint8Array(48), f1: { ...f1, ticketId: random(16) } },
      { identity: null, psk: ticket.psk, f1: { ...f1, audience: "https://second.example/mcp" } },
    ];
    const second = channelWorld({
      server: { audiences: [TEST_AUDIENCE, "https://second.example/mcp"] },
    });
    const own = await ticketFrom(second);
    const refusals = [];
    for (const options of cases) refusals.push(await failure(() => rogueClient(world.responder, options)));
    refusals.pop();
    const moved = { ...cases[4]!, psk: own.psk, f1: { ...cases[4]!.f1, ticketId: own.id } };
    refusals.push(await failure(() => rogueClient(second.responder, moved)));
    expect(new Set(refusals.map((error) => JSON.stringify(error))).size).toBe(1);
    expect(refusals[0]).toMatchObject({ code: "ERR_RESUMPTION" });
    // None of them cost the owner the ticket.
    expect((await resumed(world, ticket)).client.resumed).toBe(true);
  });

  it("an observer who saw the ticket's id cannot spend it", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const held = copy(ticket);
    const attempt = world.connect(
      ({ name, bytes }) => {
        if (name === "F2") throw new Error("cut");
        return bytes;
      },
      { ticket },
    );
    await expect(attempt).rejects.toThrow("cut");
    const { client } = await resumed(world, held);
    expect(client.resumed).toBe(true);
  });

  it("ends with the client's place on the list: tickets are verified again [REQ-RESUME]", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const again = copy(ticket);
    world.clients.revoke(world.alice);
    expect(await refusalOf(() => resumed(world, ticket))).toBe("ERR_REFUSED_BY_PEER");
    expect(world.events.at(-1)).toMatchObject({ code: "ERR_PEER_UNKNOWN" });
    // It was spent by that: a place regained later does not revive it.
    world.clients.accept(world.alice);
    expect(await refusalOf(() => resumed(world, again))).toBe("outer ERR_RESUMPTION");
  });

  it("ends with the server's place among the client's pins", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    world.servers.revoke(world.tools);
    expect(await refusalOf(() => resumed(world, ticket))).toBe("ERR_PEER_UNKNOWN");
  });

  it("takes no credential beside the ticket", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const result = await rogueClient(world.responder, {
      identity: world.alice,
      psk: ticket.psk,
      f1: { mode: MODE_RESUMPTION, ticketId: ticket.id },
    });
    expect(alertIn(result)).toBe(5);
    expect(world.events.at(-1)).toMatchObject({ code: "ERR_RESUMPTION" });
  });

  it("a server that shows a credential in a resumption is refused", async () => {
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const exchange = rogueServer({
      identity: world.tools,
      psk: Uint8Array.from(ticket.psk),
      signs: true,
    });
    expect(await refusalOf(() => initiate({ ...world.initiator, ticket }, exchange))).toBe("ERR_SIGNATURE");
  });

  it.each(["optional", "required"] as const)(
    "an anonymous client's ticket, after a restart with identity %s, serves only if it is optional",
    async (clientAuth) => {
      const tickets = new MemoryTicketStore(10, new ManualClock());
      const before = channelWorld({ server: { clientAuth: "optional", tickets } });
      const { identity: _, ...anonymous } = before.initiator;
      const { ticket } = await initiate(anonymous, (bytes) => before.responder.handle(bytes, "x"));
      const after = channelWorld({ tools: before.tools, server: { tickets, clientAuth } });
      const attempt = initiate({ ...anonymous, verifier: after.servers, ticket: ticket! }, (bytes) =>
        after.responder.handle(bytes, "x"),
      );
      if (clientAuth === "optional") expect((await attempt).resumed).toBe(true);
      else expect(await refusalOf(() => attempt)).toBe("ERR_RESUMPTION");
    },
  );

  it("the server wipes its half of a ticket when it is taken", async () => {
    const kept: TicketEntry[] = [];
    const store = new MemoryTicketStore(10, new ManualClock());
    const tickets: TicketStore = {
      put: (id, entry) => {
        kept.push(entry);
        store.put(id, entry);
      },
      get: (id) => store.get(id),
      take: (id) => store.take(id),
    };
    const world = channelWorld({ server: { tickets } });
    await resumed(world, await ticketFrom(world));
    expect(kept.map(({ psk }) => psk.every((byte) => byte === 0))).toEqual([true, false]);
  });

  it("an anonymous client can resume where it was let in", async () => {
    const world = channelWorld({ server: { clientAuth: "optional" } });
    const { identity: _, ...anonymous } = world.initiator;
    const exchange = (bytes: Uint8Array): Promise<Uint8Array> => world.responder.handle(bytes, "x");
    const { ticket } = await initiate(anonymous, exchange);
    const client = await initiate({ ...anonymous, ticket: ticket! }, exchange);
    expect(world.responder.sessions.get(client.id).peer).toBeNull();
  });

  it("gives no tickets where they are switched off", async () => {
    const world = channelWorld({ server: { tickets: false } });
    expect((await world.connect()).client.ticket).toBeNull();
  });

  it("gives no tickets for attested sessions, nor keeps any: they stay in the attested process", async () => {
    const tee = sampleTee();
    const tickets: TicketStore = {
      put: () => expect.fail("a ticket was kept"),
      get: () => undefined,
      take: () => undefined,
    };
    const server = channelWorld({
      server: { evidence: tee, tickets },
      client: { appraiser: tee.appraiser() },
    });
    expect((await server.connect()).client.ticket).toBeNull();
    // Also for a client that did not ask.
    const { appraiser: _, ...careless } = server.initiator;
    const plain = await initiate(careless, (bytes) => server.responder.handle(bytes, "x"));
    expect(plain.ticket).toBeNull();
    const client = channelWorld({
      server: { appraiser: tee.appraiser(), tickets },
      client: { evidence: tee },
    });
    expect((await client.connect()).client.ticket).toBeNull();
  });

  it("a client that wants evidence starts afresh, even with a ticket", async () => {
    const tee = sampleTee();
    const world = channelWorld();
    const ticket = await ticketFrom(world);
    const modes: number[] = [];
    const attempt = world.connect(
      ({ name, bytes }) => {
        if (name === "F1") modes.push(message.parseF1(bytes).mode);
        return bytes;
      },
      { ticket, appraiser: tee.appraiser() },
    );
    expect(await refusalOf(() => attempt)).toBe("ERR_EVIDENCE_MISSING");
    expect(modes).toEqual([MODE_SIGNATURE]);
    expect(ticket.psk.every((byte) => byte === 0)).toBe(true);
  });
});

async function failure(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) return { ...error, message: error.message };
  }
  throw new Error("Nothing was refused.");
}
