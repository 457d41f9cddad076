import { ManualClock } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import type { PendingHandshake } from "../ports.ts";
import { MemoryPendingStore } from "./pending-store.ts";

function pending(expiresAt: number): PendingHandshake {
  return {
    expiresAt,
    handshakeSecret: new Uint8Array(48).fill(7),
    transcript0: new Uint8Array(48),
    transcript1: new Uint8Array(48),
    serverCredential: null,
    serverSpki: null,
    serverSignature: null,
    serverFinished: new Uint8Array(48),
    clientRequest: null,
    serverContext: null,
    audience: "a",
    framing: 1,
    ticketId: null,
    credentialNotAfter: Infinity,
  };
}

describe("half-open handshakes in memory (spec §3.5) [REQ-PENDING-BOUNDED]", () => {
  it("claim gives an entry to one caller", () => {
    const store = new MemoryPendingStore(10, new ManualClock());
    store.put("a", pending(60_000));
    expect([store.claim("a"), store.claim("a")]).toEqual([true, false]);
    expect(store.get("a")).toBeUndefined();
  });

  it("an entry that expired is gone, its secret overwritten, and does not count as load", () => {
    const clock = new ManualClock();
    const store = new MemoryPendingStore(10, clock);
    const entry = pending(clock.monotonic() + 30_000);
    store.put("a", entry);
    clock.advance(29_999);
    expect(store.size).toBe(1);
    clock.advance(1);
    expect(store.size).toBe(0);
    expect(store.get("a")).toBeUndefined();
    expect(entry.handshakeSecret).toEqual(new Uint8Array(48));
  });

  it("get alone forgets an expired entry", () => {
    const clock = new ManualClock();
    const store = new MemoryPendingStore(10, clock);
    store.put("a", pending(clock.monotonic() + 1));
    clock.advance(1);
    expect(store.get("a")).toBeUndefined();
  });

  it("a full store refuses while its oldest entry is younger than 3 s", () => {
    const clock = new ManualClock();
    const store = new MemoryPendingStore(2, clock);
    const entries = ["a", "b"].map((id) => {
      const entry = pending(clock.monotonic() + 30_000);
      expect(store.put(id, entry)).toBe(true);
      return entry;
    });
    expect(store.full).toBe(true);
    expect(store.put("c", pending(clock.monotonic() + 30_000))).toBe(false);
    clock.advance(3000);
    expect(store.full).toBe(false);
    expect(store.put("c", pending(clock.monotonic() + 30_000))).toBe(true);
    expect(store.size).toBe(2);
    expect(store.get("a")).toBeUndefined();
    expect(store.get("b")).toBeDefined();
    expect(entries[0]!.handshakeSecret).toEqual(new Uint8Array(48));
  });

  it("a store of no capacity takes nothing", () => {
    const store = new MemoryPendingStore(0, new ManualClock());
    expect(store.full).toBe(true);
    expect(store.put("a", pending(60_000))).toBe(false);
  });
});
