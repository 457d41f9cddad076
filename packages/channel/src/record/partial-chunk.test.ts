import { concat, random } from "@trusted-mcp/primitives/bytes";
import { refusalOf } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { ChunkOpener, ChunkSealer, MAX_CONTENT } from "./chunk.ts";
import { chunkAt, PartialChunk } from "./partial-chunk.ts";

const traffic = { key: random(32), iv: random(12) };
const header = random(45);

/** Pushes `wire` in pieces of `size`, as whoever forwards it may cut it; ms. */
function timed(wire: Uint8Array, size: number): number {
  const opener = new ChunkOpener(traffic, header);
  const started = performance.now();
  for (let at = 0; at < wire.length; at += size) opener.push(wire.subarray(at, at + size));
  opener.end();
  return performance.now() - started;
}

describe("a chunk that comes in pieces (spec §5.3)", () => {
  it("costs as much for each byte when it comes byte by byte: found by fuzzing, it was quadratic", () => {
    const content = new Uint8Array(4 * MAX_CONTENT);
    const wire = concat(...new ChunkSealer(traffic, header).seal([content], true));
    // 260,000 pieces took seconds; in all they take less than 100 ms.
    expect(Math.min(timed(wire, 1), timed(wire, 1))).toBeLessThan(2000);
  });

  it("takes exactly its own bytes from what comes in, and gives its memory back", () => {
    const held = new PartialChunk();
    const bytes = concat(Uint8Array.of(0, 0, 20), new Uint8Array(20).fill(7), Uint8Array.of(0, 0, 99));
    expect([held.add(bytes, 0), held.add(bytes, 3)]).toEqual([3, 20]);
    expect(chunkAt(held.bytes, 0)).toEqual(new Uint8Array(20).fill(7));
    held.clear();
    expect([held.length, held.bytes.length]).toEqual([0, 0]);
  });

  it.each([0, 19, 65_537, 0xff_ffff])(
    "is refused for its length, %i bytes, before more of it is waited for",
    async (length) => {
      const opener = new ChunkOpener(traffic, header);
      opener.push(Uint8Array.of(length >>> 16));
      opener.push(Uint8Array.of((length >>> 8) & 0xff));
      const last = (): unknown => opener.push(Uint8Array.of(length & 0xff));
      expect(await refusalOf(last)).toBe("ERR_MALFORMED");
    },
  );
});
