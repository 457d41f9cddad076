import { sharedVectorJson, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { open, seal, sealDetached } from "./aead.ts";
import { random } from "./bytes.ts";

interface AeadFile {
  testGroups: { keySize: number; ivSize: number; tagSize: number; tests: AeadCase[] }[];
}
interface AeadCase {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: "valid" | "invalid";
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const OPEN: object = expect.objectContaining({ code: "ERR_AEAD_OPEN" });
const ARGUMENT: object = expect.objectContaining({ code: "ERR_ARGUMENT" });
const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });
const [KEY, NONCE] = [random(32), random(12)];

describe("AES-256-GCM, Wycheproof", () => {
  const groups = sharedVectorJson<AeadFile>("crypto/wycheproof/aes_gcm_test.json").testGroups;

  it("seals and opens every valid vector of our sizes, and opens no invalid one", () => {
    const seen = { valid: 0, invalid: 0 };
    const ours = groups.filter(
      ({ keySize, ivSize, tagSize }) => `${keySize} ${ivSize} ${tagSize}` === "256 96 128",
    );
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of ours.flatMap(({ tests }) => tests)) {
      const opened = (): Uint8Array => open(unhex(key), unhex(iv), unhex(aad), unhex(ct + tag));
      if (result === "valid") {
        expect(hex(opened()), `tcId ${tcId}`).toBe(msg);
        expect(hex(seal(unhex(key), unhex(iv), unhex(aad), unhex(msg))), `tcId ${tcId}`).toBe(ct + tag);
      } else {
        expect(opened, `tcId ${tcId}`).toThrow(OPEN);
      }
      seen[result]++;
    }
    expect(seen.valid).toBeGreaterThan(30);
    expect(seen.invalid).toBeGreaterThan(20);
  });

  it("refuses every other key and nonce size (SP 800-38D §5.2.1.1, no GHASH of long nonces)", () => {
    const others = groups.filter(({ keySize, ivSize }) => keySize !== 256 || ivSize !== 96);
    const cases = others.flatMap(({ tests }) => tests);
    expect(cases.length).toBeGreaterThan(100);
    for (const { key, iv, aad, msg, ct, tag } of cases) {
      expect(() => seal(unhex(key), unhex(iv), unhex(aad), unhex(msg))).toThrow(ARGUMENT);
      expect(() => open(unhex(key), unhex(iv), unhex(aad), unhex(ct + tag))).toThrow(ARGUMENT);
    }
  });
});

describe("seal and open", () => {
  it("round-trip, with the tag last, and nothing of the shared pool in the result", () => {
    fc.assert(
      fc.property(bytes(100), bytes(5000), (aad, plaintext) => {
        const sealed = seal(KEY, NONCE, aad, plaintext);
        const { ciphertext, tag } = sealDetached(KEY, NONCE, aad, plaintext);
        expect(hex(sealed)).toBe(hex(ciphertext) + hex(tag));
        expect(tag).toHaveLength(16);
        const opened = open(KEY, NONCE, aad, sealed);
        expect(Buffer.compare(opened, plaintext)).toBe(0);
        for (const part of [sealed, opened]) expect(part.buffer.byteLength).toBe(part.length);
        // At most its own tag lies behind it.
        expect(ciphertext.buffer.byteLength).toBeLessThanOrEqual(plaintext.length + 16);
      }),
    );
  });

  it("take views and leave their inputs unchanged", () => {
    const frame = random(200);
    const before = hex(frame);
    const sealed = seal(KEY, NONCE, frame.subarray(10, 20), frame.subarray(50, 150));
    const framed = Buffer.concat([frame, sealed]);
    const opened = open(KEY, NONCE, frame.subarray(10, 20), framed.subarray(200));
    expect(hex(opened)).toBe(hex(frame.subarray(50, 150)));
    expect(hex(frame)).toBe(before);
    expect(hex(framed.subarray(200))).toBe(hex(sealed));
  });

  it("refuse every flipped bit of ciphertext, tag, additional data, nonce and key", () => {
    const aad = random(20);
    const sealed = seal(KEY, NONCE, aad, random(40));
    const bits = (part: Uint8Array): number[] => Array.from({ length: part.length * 8 }, (_, bit) => bit);
    for (const bit of bits(sealed)) {
      expect(() => open(KEY, NONCE, aad, withFlippedBit(sealed, bit))).toThrow(OPEN);
    }
    for (const bit of bits(aad))
      expect(() => open(KEY, NONCE, withFlippedBit(aad, bit), sealed)).toThrow(OPEN);
    for (const bit of bits(NONCE))
      expect(() => open(KEY, withFlippedBit(NONCE, bit), aad, sealed)).toThrow(OPEN);
    for (const bit of bits(KEY))
      expect(() => open(withFlippedBit(KEY, bit), NONCE, aad, sealed)).toThrow(OPEN);
    expect(open(KEY, NONCE, aad, sealed)).toHaveLength(40);
  });

  it("refuse every truncation, a shorter tag, and bytes added at either end", () => {
    const aad = random(5);
    const sealed = seal(KEY, NONCE, aad, random(40));
    for (let length = 0; length < sealed.length; length++) {
      expect(() => open(KEY, NONCE, aad, sealed.subarray(0, length))).toThrow(OPEN);
      expect(() => open(KEY, NONCE, aad, sealed.subarray(sealed.length - length))).toThrow(OPEN);
    }
    expect(() => open(KEY, NONCE, aad, Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow(OPEN);
    expect(() => open(KEY, NONCE, aad, Buffer.concat([Buffer.alloc(1), sealed]))).toThrow(OPEN);
  });

  it("say the same about every failure, and never the key", () => {
    const attempts = [random(0), random(15), random(16), random(60)].map((sealed) => {
      try {
        open(KEY, NONCE, new Uint8Array(0), sealed);
        return "opened";
      } catch (error) {
        return String(error);
      }
    });
    expect(new Set(attempts).size).toBe(1);
    expect(attempts[0]).not.toContain(hex(KEY));
  });

  it.each([0, 16, 31, 33, 64])("refuse a key of %i bytes", (length) => {
    expect(() => seal(random(length), NONCE, NONCE, NONCE)).toThrow(ARGUMENT);
    expect(() => open(random(length), NONCE, NONCE, random(30))).toThrow(ARGUMENT);
  });

  it.each([0, 8, 11, 13, 16])("refuse a nonce of %i bytes", (length) => {
    expect(() => seal(KEY, random(length), NONCE, NONCE)).toThrow(ARGUMENT);
    expect(() => open(KEY, random(length), NONCE, random(30))).toThrow(ARGUMENT);
  });
});
