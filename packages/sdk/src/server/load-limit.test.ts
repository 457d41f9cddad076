import type { ResponderSession } from "@trusted-mcp/channel";
import { describe, expect, it } from "vitest";
import { Departure } from "@trusted-mcp/http/departure";
import { LoadLimit, type LoadLimits } from "./load-limit.ts";

/** Only what a place looks at. */
function session(keyId: string | null): ResponderSession {
  const peer = keyId === null ? null : { keyId };
  return { peer, live: true, lastUsed: 0, notAfter: Number.MAX_SAFE_INTEGER } as unknown as ResponderSession;
}

function limit(limits: LoadLimits): { load: LoadLimit; at: (ms: number) => void } {
  let now = 1000;
  return { load: new LoadLimit(limits, () => now), at: (ms) => void (now = 1000 + ms) };
}

describe("places of requests and streams [REQ-LIMITS]", () => {
  const [alice, bob, nobody] = [session("alice"), session("bob"), session(null)];

  it("are counted for each key and in all, whatever session they come from", () => {
    const { load } = limit({ maxRequests: 3, maxRequestsPerPeer: 2 });
    const places = [
      load.enter(alice, "POST", new Departure()),
      load.enter(session("alice"), "POST", new Departure()),
    ];
    expect(load.enter(alice, "POST", new Departure())).toBeNull();
    expect(load.enter(bob, "POST", new Departure())).not.toBeNull();
    expect(load.enter(nobody, "POST", new Departure())).toBeNull();
    places[0]?.leave();
    places[0]?.leave();
    expect(load.enter(nobody, "POST", new Departure())).not.toBeNull();
    expect(load.requests).toBe(3);
  });

  it("a POST that becomes a stream moves over where there is room, and else stays", () => {
    const { load } = limit({ maxStreamsPerPeer: 1 });
    for (const expected of [
      { streams: 1, requests: 0 },
      { streams: 1, requests: 1 },
    ]) {
      load.enter(alice, "POST", new Departure())?.open();
      expect({ streams: load.streams, requests: load.requests }).toEqual(expected);
    }
    expect(load.enter(alice, "GET", new Departure())).toBeNull();
    expect(load.enter(bob, "GET", new Departure())).not.toBeNull();
  });

  it("are given back when the answer was sent, or had been given up before it was made", () => {
    const { load } = limit({});
    const [later, before] = [new Departure(), new Departure()];
    load.enter(alice, "POST", later)?.answered(100);
    before.finish();
    load.enter(alice, "POST", before)?.answered(100);
    expect(load.requests).toBe(1);
    later.finish();
    expect([load.requests, load.sweep()]).toEqual([0, false]);
  });

  it("a reader that stands still is cut; one that is slow has time in proportion to what it gets", () => {
    const { load, at } = limit({ stallMs: 1000 });
    const [small, large] = [new Departure(), new Departure()];
    load.enter(alice, "POST", small)?.answered(100);
    load.enter(alice, "POST", large)?.answered(400_000);
    at(1100);
    load.sweep();
    expect([small.gone, large.gone]).toEqual([true, false]);
    at(26_100);
    expect([load.sweep(), large.gone, load.requests]).toEqual([false, true, 0]);
  });

  it("a stream is cut when it was silent for its time, and not while something waits to be taken", () => {
    const { load, at } = limit({ streamIdleMs: 500, stallMs: 10_000 });
    const [silent, flowing] = [new Departure(), new Departure()];
    load.enter(alice, "GET", silent)?.open();
    const place = load.enter(alice, "GET", flowing);
    place?.open();
    at(400);
    place?.send(1);
    place?.sent();
    expect(alice.lastUsed).toBe(1400);
    at(600);
    load.sweep();
    expect([silent.gone, flowing.gone, load.streams]).toEqual([true, false, 1]);
  });
});
