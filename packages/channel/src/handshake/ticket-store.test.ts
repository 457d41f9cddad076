import { ManualClock } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import type { TicketEntry } from "../ports.ts";
import { MemoryTicketStore } from "./ticket-store.ts";

function entry(notAfter: number): TicketEntry {
  return { psk: new Uint8Array(48).fill(7), peerCredential: null, audience: "a", notAfter };
}

describe("tickets in memory (spec §5.5)", () => {
  it("take gives a ticket once", () => {
    const store = new MemoryTicketStore(10, new ManualClock(0));
    store.put("a", entry(100));
    expect(store.get("a")).toBeDefined();
    expect(store.take("a")).toBeDefined();
    expect(store.take("a")).toBeUndefined();
    expect(store.get("a")).toBeUndefined();
  });

  it("an expired ticket is gone, and its secret overwritten [W35]", () => {
    const clock = new ManualClock(0);
    const store = new MemoryTicketStore(10, clock);
    const ticket = entry(100);
    store.put("a", ticket);
    clock.advance(100);
    expect(store.take("a")).toBeUndefined();
    expect(ticket.psk).toEqual(new Uint8Array(48));
  });

  it("memory is bounded: the oldest goes, and its secret is overwritten [REQ-PENDING-BOUNDED]", () => {
    const store = new MemoryTicketStore(3, new ManualClock(0));
    const tickets = ["a", "b", "c", "d", "e"].map((id) => {
      const ticket = entry(100);
      store.put(id, ticket);
      return ticket;
    });
    expect(["a", "b", "c", "d", "e"].map((id) => store.get(id) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    expect(tickets[0]!.psk).toEqual(new Uint8Array(48));
    expect(tickets[4]!.psk).not.toEqual(new Uint8Array(48));
  });

  it("expired tickets make room before live ones", () => {
    const clock = new ManualClock(0);
    const store = new MemoryTicketStore(2, clock);
    store.put("short", entry(10));
    store.put("long", entry(1000));
    clock.advance(10);
    store.put("new", entry(1000));
    expect(store.get("long")).toBeDefined();
    expect(store.get("new")).toBeDefined();
  });
});
