import { createHmac, hkdfSync } from "node:crypto";
import { random, utf8 } from "@trusted-mcp/primitives/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as schedule from "./key-schedule.ts";
import { encodeItems, hashItems } from "./transcript.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac("sha384", key).update(data).digest();

/** HKDF-Expand from its definition (RFC 5869 §2.3), one block. */
function expandOnce(secret: Uint8Array, label: string, items: readonly (Uint8Array | null)[]): Buffer {
  const name = utf8(`trusted-mcp/1 ${label}`);
  const info = Buffer.concat([Uint8Array.of(name.length), name, encodeItems(items)]);
  return hmac(secret, Buffer.concat([info, Uint8Array.of(1)]));
}

describe("the key schedule (spec §4.2, §4.3)", () => {
  it("is HKDF-SHA-384 as RFC 5869 defines it, step by step", () => {
    const [shared, th] = [random(32), random(48)];
    const zeros = new Uint8Array(48);
    const early = hmac(zeros, zeros);
    expect(hex(schedule.earlySecret(null))).toBe(hex(early));
    const handshake = hmac(expandOnce(early, "derived", []), shared);
    expect(hex(schedule.handshakeSecret(schedule.earlySecret(null), shared))).toBe(hex(handshake));
    const master = hmac(expandOnce(handshake, "derived", []), zeros);
    expect(hex(schedule.masterSecret(handshake))).toBe(hex(master));
    expect(hex(schedule.applicationRoot(master, th, null))).toBe(
      hex(expandOnce(master, "app", [hashItems(th, null)])),
    );
    const { key, iv } = schedule.trafficKey(handshake, "hs server", [th]);
    const block = expandOnce(handshake, "hs server", [th]);
    expect([hex(key), hex(iv)]).toEqual([hex(block.subarray(0, 32)), hex(block.subarray(32, 44))]);
  });

  it("expands beyond one block like the runtime's own HKDF", () => {
    const [secret, th] = [random(48), random(48)];
    const info = Buffer.concat([Uint8Array.of(15), utf8("trusted-mcp/1 x"), encodeItems([th])]);
    // Extract with an empty salt is not Expand: the runtime's key is one step up.
    const prk = hmac(new Uint8Array(48), secret);
    const expected = Buffer.from(hkdfSync("sha384", secret, new Uint8Array(0), info, 100));
    expect(hex(schedule.expand(prk, "x", [th], 100))).toBe(hex(expected));
  });

  it("depends on every input: any other secret, label or item gives another key", () => {
    const bytes = fc.uint8Array({ minLength: 48, maxLength: 48 });
    fc.assert(
      fc.property(bytes, bytes, fc.nat(383), (secret, item, bit) => {
        const flipped = (value: Uint8Array): Uint8Array =>
          Uint8Array.from(value, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        const keys = [
          schedule.expand(secret, "req", [item]),
          schedule.expand(flipped(secret), "req", [item]),
          schedule.expand(secret, "req", [flipped(item)]),
          schedule.expand(secret, "rsp", [item]),
          schedule.expand(secret, "req", [item, null]),
          schedule.expand(secret, "req", [null, item]),
          schedule.expand(secret, "req", []),
          schedule.expand(secret, "req", [item.subarray(0, 24), item.subarray(24)]),
        ];
        expect(new Set(keys.map(hex)).size).toBe(keys.length);
      }),
      { numRuns: 50 },
    );
  });

  it("labels do not run into items", () => {
    const secret = random(48);
    expect(schedule.expand(secret, "ab", [])).not.toEqual(schedule.expand(secret, "a", [utf8("b")]));
  });

  it("a PSK of zeros is the same as none: that is why zeros must never prove a ticket (spec §4.4)", () => {
    expect(hex(schedule.earlySecret(new Uint8Array(48)))).toBe(hex(schedule.earlySecret(null)));
    expect(hex(schedule.earlySecret(random(48)))).not.toBe(hex(schedule.earlySecret(null)));
  });

  it("Finished differs by role, and covers what came before", () => {
    const [handshake, th0, before] = [random(48), random(48), random(48)];
    const finished = (role: "client" | "server", covered = before): string =>
      hex(schedule.finished(handshake, role, th0, covered));
    expect(finished("client")).not.toBe(finished("server"));
    expect(finished("client")).not.toBe(finished("client", random(48)));
  });

  it("evidence of the client changes the application root; none and empty differ (spec §7)", () => {
    const [master, th4] = [random(48), random(48)];
    const roots = [null, new Uint8Array(0), utf8("evidence")].map((item) =>
      hex(schedule.applicationRoot(master, th4, item)),
    );
    expect(new Set(roots).size).toBe(3);
  });
});
