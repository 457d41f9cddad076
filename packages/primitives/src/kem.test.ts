import { sharedVectorJson, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { random } from "./bytes.ts";
import { encapsulate, encapsulateDerand, generateKemKeyPair, kemKeyPairFromSeed, XWING } from "./kem.ts";

interface XWingCase {
  seed: string;
  eseed: string;
  ss: string;
  pk: string;
  ct: string;
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const KEM: object = expect.objectContaining({ code: "ERR_KEM" });

/** The u coordinates of small order, which lead to the all-zero secret of RFC 7748 §6.1. */
const SMALL_ORDER: readonly string[] = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

describe("X-Wing (draft-connolly-cfrg-xwing-kem, appendix C)", () => {
  const vectors = sharedVectorJson<XWingCase[]>("crypto/x-wing.json");

  it("has three vectors", () => {
    expect(vectors).toHaveLength(3);
  });

  it.each(vectors)("gives key, ciphertext and secret of the vector with seed $seed", (vector) => {
    const pair = kemKeyPairFromSeed(unhex(vector.seed));
    expect(hex(pair.publicKey)).toBe(vector.pk);
    const { ciphertext, sharedSecret } = encapsulateDerand(unhex(vector.pk), unhex(vector.eseed));
    expect(hex(ciphertext)).toBe(vector.ct);
    expect(hex(sharedSecret)).toBe(vector.ss);
    expect(hex(pair.decapsulate(unhex(vector.ct)))).toBe(vector.ss);
  });
});

describe("X-Wing key pairs", () => {
  it("agree on a fresh secret of the stated sizes", () => {
    const pair = generateKemKeyPair();
    const [a, b] = [encapsulate(pair.publicKey), encapsulate(pair.publicKey)];
    expect(hex(pair.decapsulate(a.ciphertext))).toBe(hex(a.sharedSecret));
    expect(hex(a.sharedSecret)).not.toBe(hex(b.sharedSecret));
    expect({
      publicKeyBytes: pair.publicKey.length,
      ciphertextBytes: a.ciphertext.length,
      sharedSecretBytes: a.sharedSecret.length,
    }).toEqual(XWING);
    for (const part of [pair.publicKey, a.ciphertext, a.sharedSecret, pair.decapsulate(a.ciphertext)]) {
      expect(part.buffer.byteLength).toBe(part.length);
    }
  });

  it("give another secret for a changed byte anywhere in the ciphertext", () => {
    const pair = generateKemKeyPair();
    const { ciphertext, sharedSecret } = encapsulate(pair.publicKey);
    for (let at = 0; at < ciphertext.length; at += 31) {
      expect(hex(pair.decapsulate(withFlippedBit(ciphertext, 8 * at)))).not.toBe(hex(sharedSecret));
    }
  });

  it("give another secret when the X25519 half of either share is another encoding of the same point", () => {
    // RFC 7748 §5 ignores the top bit; the combiner hashes the bytes (draft §5.3).
    const pair = generateKemKeyPair();
    const { ciphertext, sharedSecret } = encapsulate(pair.publicKey);
    const changed = withFlippedBit(ciphertext, ciphertext.length * 8 - 1);
    expect(hex(pair.decapsulate(changed))).not.toBe(hex(sharedSecret));
  });

  it.each(SMALL_ORDER)("refuse an X25519 share of small order: %s", (share) => {
    const pair = generateKemKeyPair();
    const publicKey = Buffer.concat([pair.publicKey.subarray(0, 1184), unhex(share)]);
    expect(() => encapsulate(publicKey)).toThrow(KEM);
    const { ciphertext } = encapsulate(pair.publicKey);
    expect(() => pair.decapsulate(Buffer.concat([ciphertext.subarray(0, 1088), unhex(share)]))).toThrow(KEM);
  });

  it("refuse a public key whose ML-KEM half fails the modulus check (FIPS 203 §7.2)", () => {
    const { publicKey } = generateKemKeyPair();
    const bad = Uint8Array.from(publicKey).fill(0xff, 0, 2);
    expect(() => encapsulate(bad)).toThrow(KEM);
    expect(() => encapsulateDerand(bad, random(64))).toThrow(KEM);
  });

  it.each([0, 32, 1184, 1215, 1217])("refuse a public key of %i bytes", (length) => {
    expect(() => encapsulate(random(length))).toThrow(KEM);
    expect(() => encapsulate(random(length))).toThrow(/1216 bytes/);
    expect(() => encapsulateDerand(random(length), random(64))).toThrow(KEM);
  });

  it.each([0, 1088, 1119, 1121])("refuse a ciphertext of %i bytes", (length) => {
    expect(() => generateKemKeyPair().decapsulate(random(length))).toThrow(KEM);
    expect(() => generateKemKeyPair().decapsulate(random(length))).toThrow(/1120 bytes/);
  });

  it("refuse seeds of another length", () => {
    expect(() => kemKeyPairFromSeed(random(31))).toThrow(KEM);
    expect(() => kemKeyPairFromSeed(random(64))).toThrow(KEM);
    expect(() => encapsulateDerand(generateKemKeyPair().publicKey, random(32))).toThrow(KEM);
  });

  it("refuse to decapsulate once wiped, and can be wiped twice", () => {
    const pair = generateKemKeyPair();
    const { ciphertext } = encapsulate(pair.publicKey);
    pair.wipe();
    pair.wipe();
    expect(() => pair.decapsulate(ciphertext)).toThrow(KEM);
    expect(() => pair.decapsulate(ciphertext)).toThrow(/wiped/);
  });

  it("leave the seeds they are given unchanged", () => {
    const [seed, eseed] = [random(32), random(64)];
    const before = hex(seed) + hex(eseed);
    encapsulateDerand(kemKeyPairFromSeed(seed).publicKey, eseed);
    expect(hex(seed) + hex(eseed)).toBe(before);
  });
});
