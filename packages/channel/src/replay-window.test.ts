import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplayWindow } from "./replay-window.ts";

/** The same rule with unlimited memory. */
class Model {
  readonly #seen = new Set<number>();
  #highest = -1;

  admit(sequence: number): boolean {
    if (this.#seen.has(sequence) || this.#highest - sequence >= ReplayWindow.SIZE) return false;
    this.#seen.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    return true;
  }
}

/** Numbers around the edges: of the window, of the words, far jumps. */
const near = fc.oneof(
  fc.nat(70),
  fc.nat(5000),
  fc.constantFrom(31, 32, 33, 63, 64, 2046, 2047, 2048, 2049, 2079, 2080, 2081, 4095, 4096, 4160),
  fc.maxSafeNat(),
);

describe("the replay window (spec §5.2, RFC 6479) [REQ-REPLAY-WINDOW, W13]", () => {
  it("agrees with a model of unlimited memory", () => {
    fc.assert(
      fc.property(fc.array(near, { maxLength: 400 }), (sequences) => {
        const [window, model] = [new ReplayWindow(), new Model()];
        for (const sequence of sequences) expect(window.admit(sequence)).toBe(model.admit(sequence));
      }),
      { numRuns: 300 },
    );
  });

  it("agrees with the model on walks around the highest number, where the edges are", () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.array(fc.integer({ min: -2200, max: 2200 }), { maxLength: 300 }),
        (start, steps) => {
          const [window, model] = [new ReplayWindow(), new Model()];
          let base = start;
          for (const step of steps) {
            const sequence = Math.max(0, base + step);
            expect(window.admit(sequence)).toBe(model.admit(sequence));
            base = Math.max(base, sequence);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("a jump of any length leaves no trace of old numbers on new ones", () => {
    for (const jump of [1, 31, 32, 33, 2047, 2048, 2079, 2080, 2081, 2111, 2112, 2113, 4160, 100_000]) {
      const [window, model] = [new ReplayWindow(), new Model()];
      for (let sequence = 5000; sequence < 5064; sequence += 1)
        expect(window.admit(sequence)).toBe(model.admit(sequence));
      const highest = 5063 + jump;
      for (let sequence = highest; sequence > highest - 2060; sequence -= 1)
        expect(window.admit(sequence), `${sequence} after a jump of ${jump}`).toBe(model.admit(sequence));
    }
  });

  it("takes every number once, in order and out of order", () => {
    const window = new ReplayWindow();
    const numbers = Array.from({ length: 2048 }, (_, index) => index ^ 1);
    for (const sequence of numbers) expect(window.admit(sequence)).toBe(true);
    for (const sequence of numbers) expect(window.admit(sequence)).toBe(false);
  });

  it("knows exactly the last 2,048 numbers", () => {
    const window = new ReplayWindow();
    expect(window.admit(10_000)).toBe(true);
    expect(window.admit(10_000 - 2048)).toBe(false);
    expect(window.admit(10_000 - 2047)).toBe(true);
    expect(window.admit(10_000 - 2047)).toBe(false);
  });

  it("a jump to the largest number forgets nothing that it needs", () => {
    const window = new ReplayWindow();
    for (let sequence = 0; sequence < 100; sequence += 1) window.admit(sequence);
    expect(window.admit(Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(window.admit(Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(window.admit(50)).toBe(false);
    expect(window.admit(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  });
});
