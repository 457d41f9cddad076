import {
  constants,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  sign as nodeSign,
} from "node:crypto";
import type { KeyObject, KeyPairKeyObjectResult } from "node:crypto";
import { sharedVectorJson, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, it } from "vitest";
import { p1363Of } from "../../test/p1363.ts";
import { algorithmOf, publicKeyFromSpki, sign, spkiOf, verify } from "./signature.ts";

interface SignatureFile {
  testGroups: { publicKeyDer: string; tests: SignatureCase[] }[];
}
interface SignatureCase {
  tcId: number;
  msg: string;
  sig: string;
  result: "valid" | "invalid";
}

const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const UNSUPPORTED: object = expect.objectContaining({ code: "ERR_KEY_UNSUPPORTED", action: "fix" });
const MESSAGE = Buffer.from("message");
const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
const KEYS: [string, KeyPairKeyObjectResult, number][] = [
  ["ed25519", generateKeyPairSync("ed25519"), 64],
  ["ecdsa-p256-sha256", generateKeyPairSync("ec", { namedCurve: "P-256" }), 64],
  ["ecdsa-p384-sha384", generateKeyPairSync("ec", { namedCurve: "P-384" }), 96],
  ["rsa-pss-sha384", rsa, 384],
];

function load(file: string): { key: KeyObject; test: SignatureCase }[] {
  return sharedVectorJson<SignatureFile>(`crypto/wycheproof/${file}`).testGroups.flatMap(
    ({ publicKeyDer, tests }) => {
      const key = publicKeyFromSpki(unhex(publicKeyDer));
      return tests.map((test) => ({ key, test }));
    },
  );
}

describe("Wycheproof", () => {
  it("Ed25519: verifies exactly the valid signatures (RFC 8032 §5.1.7)", () => {
    const cases = load("ed25519_test.json");
    for (const { key, test } of cases) {
      expect(verify(key, unhex(test.msg), unhex(test.sig)), `tcId ${test.tcId}`).toBe(
        test.result === "valid",
      );
    }
    expect(cases).toHaveLength(151);
  });

  it("ECDSA P-256: verifies exactly the valid signatures as P1363, and none as DER", () => {
    const cases = load("ecdsa_secp256r1_sha256_test.json");
    const seen = { valid: 0, invalid: 0 };
    for (const { key, test } of cases) {
      const label = `tcId ${test.tcId}`;
      expect(verify(key, unhex(test.msg), unhex(test.sig)), label).toBe(false);
      const p1363 = p1363Of(unhex(test.sig), 32);
      if (p1363 === undefined) {
        expect(test.result, label).toBe("invalid");
      } else {
        expect(verify(key, unhex(test.msg), p1363), label).toBe(test.result === "valid");
        seen[test.result]++;
      }
    }
    expect(cases).toHaveLength(484);
    expect(seen.valid).toBe(174);
    expect(seen.invalid).toBeGreaterThan(60);
  });

  it("RSA-PSS: refuses the 2048-bit key before it sees a signature", () => {
    const file = sharedVectorJson<SignatureFile>("crypto/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json");
    for (const { publicKeyDer } of file.testGroups) {
      expect(() => publicKeyFromSpki(unhex(publicKeyDer))).toThrow(UNSUPPORTED);
    }
    expect(file.testGroups).toHaveLength(1);
  });
});

describe.each(KEYS)("%s", (algorithm, { privateKey, publicKey }, length) => {
  it("is the algorithm of both halves, and what signing and verifying use", async () => {
    expect([algorithmOf(privateKey), algorithmOf(publicKey)]).toEqual([algorithm, algorithm]);
    const signature = await sign(privateKey, MESSAGE);
    expect(signature).toHaveLength(length);
    expect(verify(publicKey, MESSAGE, signature)).toBe(true);
    expect(verify(publicKeyFromSpki(spkiOf(privateKey)), MESSAGE, signature)).toBe(true);
  });

  it("refuses every changed byte, other lengths and other messages without throwing", async () => {
    const signature = await sign(privateKey, MESSAGE);
    for (let at = 0; at < signature.length; at++) {
      expect(verify(publicKey, MESSAGE, withFlippedBit(signature, 8 * at))).toBe(false);
    }
    const lengths = [0, 1, length - 1].map((end) => signature.subarray(0, end));
    const long = Buffer.concat([signature, Buffer.alloc(1)]);
    for (const other of [...lengths, long, new Uint8Array(length), new Uint8Array(length).fill(0xff)]) {
      expect(verify(publicKey, MESSAGE, other)).toBe(false);
    }
    expect(verify(publicKey, Buffer.from("other"), signature)).toBe(false);
    expect(verify(publicKey, new Uint8Array(0), signature)).toBe(false);
  });

  it("refuses to sign with a public key", async () => {
    await expect(sign(publicKey, MESSAGE)).rejects.toThrow(UNSUPPORTED);
  });

  it("refuses the signature of another key", async () => {
    const signature = await sign(privateKey, MESSAGE);
    for (const [name, other] of KEYS) {
      if (name !== algorithm) expect(verify(other.publicKey, MESSAGE, signature)).toBe(false);
    }
  });
});

describe("rsa-pss-sha384 (RFC 8017 §8.1)", () => {
  const pss = (hash: string, saltLength: number): Buffer =>
    nodeSign(hash, MESSAGE, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  it.each([0, 20, 32, 47, 49, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])(
    "refuses a salt of %i bytes",
    (salt) => {
      expect(verify(rsa.publicKey, MESSAGE, pss("sha384", salt))).toBe(false);
    },
  );

  it.each(["sha1", "sha256", "sha512", "sha3-384"])("refuses %s", (hash) => {
    expect(verify(rsa.publicKey, MESSAGE, pss(hash, 48))).toBe(false);
  });

  it("refuses PKCS #1 v1.5", () => {
    expect(verify(rsa.publicKey, MESSAGE, nodeSign("sha384", MESSAGE, rsa.privateKey))).toBe(false);
  });

  it("accepts a salt of 48 bytes made elsewhere", () => {
    expect(verify(rsa.publicKey, MESSAGE, pss("sha384", 48))).toBe(true);
  });
});

describe("algorithmOf refuses", () => {
  const rsaKey = (bits: number, exponent: Uint8Array = Uint8Array.of(1, 0, 1)): KeyObject => {
    const modulus = Buffer.alloc(bits / 8, 0xff);
    const [n, e] = [modulus.toString("base64url"), Buffer.from(exponent).toString("base64url")];
    return createPublicKey({ key: { kty: "RSA", n, e }, format: "jwk" });
  };

  it.each([1024, 2048, 3064, 8200, 16_384])("RSA of %i bits", (bits) => {
    expect(() => algorithmOf(rsaKey(bits))).toThrow(UNSUPPORTED);
  });

  it("not RSA of 3072, 4096 and 8192 bits", () => {
    for (const bits of [3072, 4096, 8192]) expect(algorithmOf(rsaKey(bits))).toBe("rsa-pss-sha384");
  });

  it.each(["01", "03", "11", "ffff", "010000", "010002", "010000000000000001"])(
    "the RSA exponent 0x%s",
    (e) => {
      expect(() => algorithmOf(rsaKey(3072, unhex(e)))).toThrow(UNSUPPORTED);
    },
  );

  it.each(["secp256k1", "P-521", "brainpoolP256r1"])("ECDSA on %s", (namedCurve) => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve });
    expect(() => algorithmOf(publicKey)).toThrow(UNSUPPORTED);
    expect(() => verify(publicKey, MESSAGE, new Uint8Array(64))).toThrow(UNSUPPORTED);
    expect(() => publicKeyFromSpki(spkiOf(publicKey))).toThrow(/ERR|P-256/);
  });

  it.each([
    ["x25519", generateKeyPairSync("x25519")],
    ["ed448", generateKeyPairSync("ed448")],
    ["x448", generateKeyPairSync("x448")],
  ])("%s", (_, { publicKey }) => {
    expect(() => algorithmOf(publicKey)).toThrow(UNSUPPORTED);
  });

  it("keys that are bound to RSA-PSS parameters of their own, and secret keys", () => {
    const { publicKey } = generateKeyPairSync("rsa-pss", { modulusLength: 1024 });
    expect(() => algorithmOf(publicKey)).toThrow(UNSUPPORTED);
    expect(() => algorithmOf(createSecretKey(MESSAGE))).toThrow(UNSUPPORTED);
  });
});
