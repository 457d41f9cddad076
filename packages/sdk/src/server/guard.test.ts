import type { Responder, ResponderSession } from "@trusted-mcp/channel";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Departure } from "@trusted-mcp/http/departure";
import { guardOf } from "./guard.ts";
import { LoadLimit } from "./load-limit.ts";
import type { TrustedServerOptions } from "./options.ts";
import type { ServerTelemetry } from "../telemetry/server.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("a quiet stream's session is asked for at the shared store, and the stream cut once it was ended there [REQ-NODES-END]", async () => {
  const session = { live: true, peer: null, notAfter: Date.now() + 3_600_000, lastUsed: 0 };
  const asked: number[] = [];
  const confirm = (_: unknown, trustMs: number): Promise<void> => {
    session.live = asked.push(trustMs) < 2;
    return Promise.resolve();
  };
  const responder = { sweep: () => false, sessions: { idleMs: 3_600_000 }, shared: { confirm } };
  const load = new LoadLimit();
  const { reaper } = guardOf(
    responder as unknown as Responder,
    {} as TrustedServerOptions,
    load,
    {} as ServerTelemetry,
  );
  const departure = new Departure();
  const place = load.enter(session as unknown as ResponderSession, "GET", departure);
  place?.open();
  load.enter(session as unknown as ResponderSession, "POST", new Departure())?.leave();
  reaper.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([60_000, 60_000]);
  expect([departure.gone, load.streams]).toEqual([true, 0]);
});
