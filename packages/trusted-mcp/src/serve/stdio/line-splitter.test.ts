import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter } from "./line-splitter.ts";

describe("LineSplitter", () => {
  it("gives the same lines however the bytes are cut (MCP §transports, stdio: one message per line)", () => {
    const bytes = fc.uint8Array({ maxLength: 200, max: 16 }).map((all) => Buffer.from(all));
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (all, cuts) => {
        const splitter = new LineSplitter(1000);
        const lines: string[] = [];
        for (let at = 0, n = 0; at < all.length; n++) {
          const end = at + (cuts[n % cuts.length] ?? 1);
          expect(splitter.push(all.subarray(at, end), (line) => lines.push(line.toString("latin1")))).toBe(
            true,
          );
          at = end;
        }
        const expected = all.toString("latin1").split("\n").slice(0, -1);
        expect(lines).toEqual(expected.map((line) => line.replace(/\r$/, "")));
      }),
    );
  });

  it("refuses a line over the bound, whole or in pieces, and takes one at the bound", () => {
    const line = (length: number): Buffer => Buffer.from(`${"x".repeat(length)}\n`);
    const push = (splitter: LineSplitter, chunk: Buffer): boolean => splitter.push(chunk, () => undefined);
    expect(push(new LineSplitter(10), line(10))).toBe(true);
    expect(push(new LineSplitter(10), line(11))).toBe(false);
    const pieces = new LineSplitter(10);
    expect([push(pieces, Buffer.from("x".repeat(10))), push(pieces, Buffer.from("x"))]).toEqual([
      true,
      false,
    ]);
  });
});
