import { sharedVectorJson, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../bytes.ts";
import { mlKemEncapsulateDerand, nobleMlKem } from "../noble-ml-kem.ts";
import type { MlKem } from "../noble-ml-kem.ts";
import { mlKem, nativeMlKem } from "./ml-kem.ts";

interface MlKemFile {
  testGroups: { tests: MlKemCase[] }[];
}
interface MlKemCase {
  tcId: number;
  seed: string;
  ek?: string;
  c: string;
  K: string;
  result: "valid" | "invalid";
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const NODE = process.versions.node.split(".").map(Number);
/** Node got ML-KEM in 24.7. */
const expectNative = (NODE[0] ?? 0) > 24 || (NODE[0] === 24 && (NODE[1] ?? 0) >= 7);
const native = nativeMlKem();
const implementations: [string, MlKem][] = [["noble", nobleMlKem]];
if (native) implementations.push(["native", native]);

it(`ML-KEM is ${expectNative ? "native" : "noble"} on this Node`, () => {
  expect(mlKem().implementation).toBe(expectNative ? "native" : "noble");
  expect(native !== undefined).toBe(expectNative);
});

describe.each(implementations)("ML-KEM-768 (FIPS 203), %s", (_, kem) => {
  it("gives the key and the secret of every valid Wycheproof vector, and refuses every invalid one", () => {
    const file = sharedVectorJson<MlKemFile>("crypto/wycheproof/mlkem_768_test.json");
    const seen = { valid: 0, invalid: 0 };
    for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
      const pair = (): ReturnType<MlKem["fromSeed"]> => kem.fromSeed(unhex(test.seed));
      if (test.result === "valid") {
        expect(hex(pair().publicKey), `tcId ${test.tcId}`).toBe(test.ek);
        expect(hex(pair().decapsulate(unhex(test.c))), `tcId ${test.tcId}`).toBe(test.K);
      } else {
        expect(() => pair().decapsulate(unhex(test.c)), `tcId ${test.tcId}`).toThrow(Error);
      }
      seen[test.result]++;
    }
    expect(seen).toEqual({ valid: 153, invalid: 40 });
  });

  it("refuses a public key with any coefficient of q = 3329 or more (§7.2)", () => {
    const { publicKey } = kem.generate();
    const index = fc.integer({ min: 0, max: 767 });
    fc.assert(
      fc.property(index, fc.integer({ min: 3329, max: 4095 }), (at, value) => {
        expect(() => kem.encapsulate(withCoefficient(publicKey, at, value))).toThrow(Error);
        const good = withCoefficient(publicKey, at, value - 3329);
        expect(kem.encapsulate(good).sharedSecret).toHaveLength(32);
      }),
      { numRuns: 60 },
    );
  });

  it.each([0, 1183, 1185])("refuses a public key of %i bytes", (length) => {
    expect(() => kem.encapsulate(new Uint8Array(length))).toThrow(Error);
  });

  it.each([0, 1087, 1089])("refuses a ciphertext of %i bytes (§7.3)", (length) => {
    expect(() => kem.generate().decapsulate(new Uint8Array(length))).toThrow(Error);
  });

  it("gives another secret, not an error, for a changed ciphertext (§6.3, implicit rejection)", () => {
    const pair = kem.generate();
    const { ciphertext, sharedSecret } = kem.encapsulate(pair.publicKey);
    const changed = withFlippedBit(ciphertext, 4000);
    const rejected = pair.decapsulate(changed);
    expect(hex(rejected)).not.toBe(hex(sharedSecret));
    expect(hex(pair.decapsulate(changed))).toBe(hex(rejected));
  });

  it("cannot decapsulate once wiped", () => {
    const pair = kem.generate();
    const { ciphertext, sharedSecret } = kem.encapsulate(pair.publicKey);
    pair.wipe();
    let result = "";
    try {
      result = hex(pair.decapsulate(ciphertext));
    } catch {
      result = "refused";
    }
    expect(result).not.toBe(hex(sharedSecret));
  });

  it("keeps the caller's seed unchanged", () => {
    const seed = random(64);
    const before = hex(seed);
    kem.fromSeed(seed);
    expect(hex(seed)).toBe(before);
  });

  it.each(implementations)("understands %s in both directions", (_name, other) => {
    for (let run = 0; run < 10; run++) {
      const seed = random(64);
      const [mine, theirs] = [kem.fromSeed(seed), other.fromSeed(seed)];
      expect(hex(mine.publicKey)).toBe(hex(theirs.publicKey));
      const { ciphertext, sharedSecret } = other.encapsulate(mine.publicKey);
      expect(hex(mine.decapsulate(ciphertext))).toBe(hex(sharedSecret));
      const garbage = random(1088);
      expect(hex(mine.decapsulate(garbage))).toBe(hex(theirs.decapsulate(garbage)));
    }
  });

  it("decapsulates what chosen randomness gave", () => {
    const pair = kem.generate();
    const { ciphertext, sharedSecret } = mlKemEncapsulateDerand(pair.publicKey, random(32));
    expect(hex(pair.decapsulate(ciphertext))).toBe(hex(sharedSecret));
  });
});

/** FIPS 203 §4.2.1: coefficients are packed as 12-bit little-endian integers. */
function withCoefficient(publicKey: Uint8Array, index: number, value: number): Uint8Array {
  const changed = Uint8Array.from(publicKey);
  const at = Math.floor((index * 3) / 2);
  if (index % 2 === 0) {
    changed[at] = value & 0xff;
    changed[at + 1] = ((changed[at + 1] ?? 0) & 0xf0) | (value >> 8);
  } else {
    changed[at] = ((changed[at] ?? 0) & 0x0f) | ((value & 0x0f) << 4);
    changed[at + 1] = value >> 4;
  }
  return changed;
}
