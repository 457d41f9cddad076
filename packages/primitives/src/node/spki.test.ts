import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyPairKeyObjectResult } from "node:crypto";
import { withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { publicKeyFromSpki, spkiOf } from "./signature.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const SPKI: object = expect.objectContaining({ code: "ERR_SPKI" });

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
const KEYS: [string, KeyPairKeyObjectResult][] = [
  ["ed25519", generateKeyPairSync("ed25519")],
  ["ecdsa-p256", p256],
  ["ecdsa-p384", generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["rsa-3072", rsa],
];

describe.each(KEYS)("SubjectPublicKeyInfo, %s", (_, { publicKey, privateKey }) => {
  const der = spkiOf(publicKey);

  it("round-trips, and a private key gives that of its public half", () => {
    expect(hex(spkiOf(publicKeyFromSpki(der)))).toBe(hex(der));
    expect(hex(spkiOf(privateKey))).toBe(hex(der));
  });

  it("is refused when cut anywhere or followed by a byte", () => {
    for (let length = 0; length < der.length; length++) {
      expect(() => publicKeyFromSpki(der.subarray(0, length))).toThrow(SPKI);
    }
    expect(() => publicKeyFromSpki(Buffer.concat([der, Buffer.alloc(1)]))).toThrow(SPKI);
  });

  it("is refused, or names another key, with any bit flipped (malleability)", () => {
    for (let bit = 0; bit < der.length * 8; bit += 3) {
      const changed = withFlippedBit(der, bit);
      try {
        const key = publicKeyFromSpki(changed);
        expect(hex(spkiOf(key))).toBe(hex(changed));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_(SPKI|KEY_UNSUPPORTED)$/) });
      }
    }
  });

  it("is refused as PEM, as a private key and inside a longer length form", () => {
    expect(() => publicKeyFromSpki(Buffer.from(publicKey.export({ format: "pem", type: "spki" })))).toThrow(
      SPKI,
    );
    expect(() => publicKeyFromSpki(privateKey.export({ format: "der", type: "pkcs8" }))).toThrow(SPKI);
    const lengthByte = Number(der[1]);
    const body = der.subarray(lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f));
    const longForm = Buffer.concat([unhex("3084"), unhex(body.length.toString(16).padStart(8, "0")), body]);
    expect(() => publicKeyFromSpki(longForm)).toThrow(SPKI);
  });
});

describe("publicKeyFromSpki refuses", () => {
  it("more than 2048 bytes, before it parses them", () => {
    const n = Buffer.alloc(2048, 0xff).toString("base64url");
    const large = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
    expect(() => publicKeyFromSpki(spkiOf(large))).toThrow(/limited to 2048 bytes/);
  });

  it.each(["", "00", "3000", "30030101ff", "30800000"])("DER that is no key: %s", (text) => {
    expect(() => publicKeyFromSpki(unhex(text))).toThrow(SPKI);
  });

  it("an RSA key in its bare PKCS #1 form, and without the NULL parameter of RFC 3279 §2.3.1", () => {
    expect(() => publicKeyFromSpki(rsa.publicKey.export({ format: "der", type: "pkcs1" }))).toThrow(SPKI);
    const withoutNull = hex(spkiOf(rsa.publicKey))
      .replace("300d06092a864886f70d0101010500", "300b06092a864886f70d010101")
      .replace(/^308201a2/, "308201a0");
    expect(() => publicKeyFromSpki(unhex(withoutNull))).toThrow(SPKI);
  });

  it.each([
    ["P-256", "prime256v1", "3039301306072a8648ce3d020106082a8648ce3d030107032200", "compressed"],
    ["P-256", "prime256v1", "3059301306072a8648ce3d020106082a8648ce3d030107034200", "hybrid"],
    ["P-384", "secp384r1", "3046301006072a8648ce3d020106052b81040022033200", "compressed"],
    ["P-384", "secp384r1", "3076301006072a8648ce3d020106052b81040022036200", "hybrid"],
  ] as const)("a %s point (%s) that is not uncompressed (SEC 1 §2.3.3)", (_, curve, prefix, form) => {
    const ecdh = createECDH(curve);
    ecdh.generateKeys();
    const der = Buffer.concat([unhex(prefix), unhex(ecdh.getPublicKey("hex", form))]);
    // The runtime itself reads the key, so that the refusal is ours.
    expect(createPublicKey({ key: der, format: "der", type: "spki" }).asymmetricKeyType).toBe("ec");
    expect(() => publicKeyFromSpki(der)).toThrow(SPKI);
  });

  it("an EC key with explicit curve parameters (RFC 5480 §2.1.1)", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" });
    expect(() => publicKeyFromSpki(spkiOf(publicKey))).toThrow(SPKI);
  });

  it("an EC point that is not on the curve", () => {
    const der = spkiOf(p256.publicKey);
    expect(() => publicKeyFromSpki(withFlippedBit(der, der.length * 8 - 8))).toThrow(SPKI);
  });

  it.each([
    ["order 1", `01${"00".repeat(31)}`],
    ["order 1, sign bit set", `01${"00".repeat(30)}80`],
    ["order 2", `ec${"ff".repeat(30)}7f`],
    ["order 4", "00".repeat(32)],
    ["order 4, sign bit set", `${"00".repeat(31)}80`],
    ["order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
    ["order 8, negative", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"],
    ["order 8, other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["order 8, other, negative", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"],
    ["y = p (RFC 8032 §5.1.3)", `ed${"ff".repeat(30)}7f`],
    ["y = p + 1", `ee${"ff".repeat(30)}7f`],
    ["y = 2^255 - 1", `${"ff".repeat(31)}7f`],
  ])("the Ed25519 point of %s, which one signature fits for many messages", (_, point) => {
    expect(() => publicKeyFromSpki(unhex(`302a300506032b6570032100${point}`))).toThrow(SPKI);
  });

  it("not the Ed25519 key of RFC 8032 §7.1, test 1", () => {
    const der = "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    expect(hex(spkiOf(publicKeyFromSpki(unhex(der))))).toBe(der);
    const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const key = {
      key: unhex(`302e020100300506032b657004220420${seed}`),
      format: "der",
      type: "pkcs8",
    } as const;
    expect(hex(spkiOf(createPrivateKey(key)))).toBe(der);
  });
});
