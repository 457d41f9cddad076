import {
  constants,
  createECDH,
  createPublicKey,
  generateKeyPairSync,
  sign as nodeSign,
  type KeyObject,
} from "node:crypto";
import { sharedVectorJson, withFlippedBit } from "@trusted-mcp/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { p1363Of } from "../../test/p1363.ts";
import * as nodeAead from "../node/aead.ts";
import * as nodeBase64url from "../node/base64url.ts";
import * as nodeBytes from "../node/bytes.ts";
import * as nodeHash from "../node/hash.ts";
import * as nodeHmac from "../node/hmac.ts";
import * as nodeMlKem from "../node/ml-kem.ts";
import * as nodeSignature from "../node/signature.ts";
import * as nodeX25519 from "../node/x25519.ts";
import * as aead from "./aead.ts";
import * as base64url from "./base64url.ts";
import * as bytes from "./bytes.ts";
import * as hash from "./hash.ts";
import * as hmac from "./hmac.ts";
import * as mlKem from "./ml-kem.ts";
import * as signature from "./signature.ts";
import * as x25519 from "./x25519.ts";

/** Each runtime's files offer the same, by type: what fits one seam fits the other. */
aead satisfies typeof nodeAead;
base64url satisfies typeof nodeBase64url;
bytes satisfies typeof nodeBytes;
hash satisfies typeof nodeHash;
hmac satisfies typeof nodeHmac;
mlKem satisfies Pick<typeof nodeMlKem, "mlKem">;
signature satisfies Omit<typeof nodeSignature, "publicKeyFromSpki">;
x25519 satisfies typeof nodeX25519;

const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");
const unhex = (text: string): Buffer => Buffer.from(text, "hex");
const plain = (value: Uint8Array): Uint8Array => new Uint8Array(value);

/** The result of `body`, or the code of the error that it throws. */
function outcome<T>(body: () => T): T | string {
  try {
    return body();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : `uncoded: ${String(error)}`;
  }
}

const anyBytes = fc.uint8Array({ maxLength: 300 });

describe("outside Node the primitives give what they give on Node", () => {
  it("hashes, HMAC and SHAKE", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, fc.uint8Array({ maxLength: 200 }), (a, b, key) => {
        expect(hex(hash.sha256(a, b))).toBe(hex(nodeHash.sha256(a, b)));
        expect(hex(hash.sha384(a, b))).toBe(hex(nodeHash.sha384(a, b)));
        expect(hex(hash.sha512(a, b))).toBe(hex(nodeHash.sha512(a, b)));
        expect(hex(hash.sha3_256(a, b))).toBe(hex(nodeHash.sha3_256(a, b)));
        expect(hex(hmac.hmacSha384(key, a, b))).toBe(hex(nodeHmac.hmacSha384(key, a, b)));
        expect(hex(hash.shake256(a, 96))).toBe(hex(nodeHash.shake256(a, 96)));
      }),
      { numRuns: 50 },
    );
  });

  it("AES-256-GCM, its refusals and each flipped bit", () => {
    const key = fc.uint8Array({ minLength: 31, maxLength: 33 });
    const nonce = fc.uint8Array({ minLength: 11, maxLength: 13 });
    fc.assert(
      fc.property(key, nonce, anyBytes, anyBytes, (k, n, aad, text) => {
        const sealed = outcome(() => nodeAead.seal(k, n, aad, text));
        expect(outcome(() => hex(aead.seal(k, n, aad, text)))).toBe(
          typeof sealed === "string" ? sealed : hex(sealed),
        );
        if (typeof sealed === "string") return;
        const parts = aead.sealDetached(k, n, aad, text);
        expect(hex(parts.ciphertext) + hex(parts.tag)).toBe(hex(sealed));
        expect(hex(aead.open(k, n, aad, sealed))).toBe(hex(text));
        const bit = (text.length * 7) % (sealed.length * 8);
        expect(outcome(() => aead.open(k, n, aad, withFlippedBit(sealed, bit)))).toBe("ERR_AEAD_OPEN");
        expect(outcome(() => aead.open(k, n, aad, sealed.subarray(1)))).toBe("ERR_AEAD_OPEN");
      }),
      { numRuns: 150 },
    );
    for (const length of [0, 1, 15])
      expect(
        outcome(() => aead.open(Buffer.alloc(32), Buffer.alloc(12), Buffer.alloc(0), Buffer.alloc(length))),
      ).toBe("ERR_AEAD_OPEN");
  });

  it("base64url: what is written, and of every text whether it is read", () => {
    fc.assert(
      fc.property(anyBytes, (value) => {
        const text = nodeBase64url.encode(value);
        expect(base64url.encode(value)).toBe(text);
        expect(hex(base64url.decode(text))).toBe(hex(value));
      }),
    );
    const characters = fc.constantFrom(..."AQgwZaz09-_+/= \n\u0141\u{1f600}");
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: characters, maxLength: 9 }), fc.string()), (text) => {
        const expected = outcome(() => hex(nodeBase64url.decode(text)));
        expect(outcome(() => hex(base64url.decode(text)))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("UTF-8, comparison and the limits of randomness", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          fc.string({ unit: "binary" }).map((s) => Buffer.from(s)),
        ),
        (value) => {
          expect(outcome(() => bytes.utf8Decode(value))).toBe(outcome(() => nodeBytes.utf8Decode(value)));
          expect(bytes.equal(value, plain(value))).toBe(true);
          if (value.length > 0) expect(bytes.equal(value, withFlippedBit(value, 3))).toBe(false);
          expect(bytes.equal(value, Buffer.concat([value, Buffer.of(0)]))).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
    expect(bytes.utf8Decode(unhex("efbbbf61"))).toBe("\ufeffa");
    for (const length of [-1, 0.5, NaN, 65_537, 0, 1, 65_536])
      expect(outcome(() => bytes.random(length).length)).toBe(outcome(() => nodeBytes.random(length).length));
    expect(hex(bytes.random(32))).not.toBe(hex(bytes.random(32)));
  });

  it("ML-KEM-768 with the runtime's own", () => {
    const seed = nodeBytes.random(64);
    const [web, native] = [mlKem.mlKem().fromSeed(seed), nodeMlKem.mlKem().fromSeed(seed)];
    expect(hex(web.publicKey)).toBe(hex(native.publicKey));
    const { ciphertext, sharedSecret } = nodeMlKem.mlKem().encapsulate(web.publicKey);
    expect(hex(web.decapsulate(ciphertext))).toBe(hex(sharedSecret));
  });
});

interface XdhFile {
  testGroups: {
    tests: { tcId: number; public: string; private: string; shared: string; flags: string[] }[];
  }[];
}

it("X25519 outside Node: all Wycheproof vectors, and no all-zero secret (RFC 7748 §6.1)", () => {
  const file = sharedVectorJson<XdhFile>("crypto/wycheproof/x25519_test.json");
  const seen = { agreed: 0, refused: 0 };
  for (const test of file.testGroups.flatMap(({ tests }) => tests)) {
    const pair = x25519.x25519FromBytes(unhex(test.private));
    if (test.flags.includes("ZeroSharedSecret")) {
      expect(() => pair.agree(unhex(test.public)), `tcId ${test.tcId}`).toThrow(Error);
      seen.refused++;
    } else {
      expect(hex(pair.agree(unhex(test.public))), `tcId ${test.tcId}`).toBe(test.shared);
      seen.agreed++;
    }
  }
  expect(seen).toEqual({ agreed: 487, refused: 31 });
  const [a, b] = [x25519.generateX25519(), nodeX25519.generateX25519()];
  expect(hex(a.agree(b.publicKey))).toBe(hex(b.agree(a.publicKey)));
  for (const length of [0, 31, 33]) expect(() => a.agree(Buffer.alloc(length, 9))).toThrow(Error);
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
const PAIRS = {
  ed25519: generateKeyPairSync("ed25519"),
  p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  rsa,
};
const spki = (key: KeyObject): Buffer => key.export({ format: "der", type: "spki" });

/** What both runtimes say of one key: its canonical bytes, or the code of the refusal. */
function parsed(der: Uint8Array): { web: string; node: string } {
  return {
    web: outcome(() => hex(signature.spkiOf(signature.publicKeyFromSpki(der)))),
    node: outcome(() => hex(nodeSignature.spkiOf(nodeSignature.publicKeyFromSpki(der)))),
  };
}

describe("public keys outside Node", () => {
  it.each(Object.entries(PAIRS))(
    "%s: with any bit flipped, cut or longer, the same answer",
    (_, { publicKey }) => {
      const der = spki(publicKey);
      expect(parsed(der)).toEqual({ web: hex(der), node: hex(der) });
      for (let length = 0; length < der.length; length++)
        expect(outcome(() => signature.publicKeyFromSpki(der.subarray(0, length)))).toBe("ERR_SPKI");
      expect(outcome(() => signature.publicKeyFromSpki(Buffer.concat([der, Buffer.alloc(1)])))).toBe(
        "ERR_SPKI",
      );
      for (let bit = 0; bit < der.length * 8; bit += 3) {
        const { web, node } = parsed(withFlippedBit(der, bit));
        // Another reason may come first; another verdict may not.
        if (node.startsWith("ERR_")) expect(web, `bit ${bit}`).toMatch(/^ERR_(SPKI|KEY_UNSUPPORTED)$/);
        else expect(web, `bit ${bit}`).toBe(node);
      }
    },
  );

  const jwk = (bits: number, exponent = "AQAB"): KeyObject =>
    createPublicKey({
      key: { kty: "RSA", n: Buffer.alloc(bits / 8, 0xff).toString("base64url"), e: exponent },
      format: "jwk",
    });
  const compressed = createECDH("prime256v1");
  compressed.generateKeys();
  const weak: [string, Uint8Array][] = [
    ...[1024, 2048, 3064, 8200, 16_384].map((bits): [string, Uint8Array] => [`RSA ${bits}`, spki(jwk(bits))]),
    ...["Aw", "EQ", "AQAA", "AQAC", "AQAAAAAAAAAB"].map((e): [string, Uint8Array] => [
      `RSA exponent ${e}`,
      spki(jwk(3072, e)),
    ]),
    ...["secp256k1", "P-521", "brainpoolP256r1"].map((namedCurve): [string, Uint8Array] => [
      namedCurve,
      spki(generateKeyPairSync("ec", { namedCurve }).publicKey),
    ]),
    ["x25519", spki(generateKeyPairSync("x25519").publicKey)],
    ["ed448", spki(generateKeyPairSync("ed448").publicKey)],
    ["RSA-PSS", spki(generateKeyPairSync("rsa-pss", { modulusLength: 3072 }).publicKey)],
    [
      "explicit parameters",
      spki(generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" }).publicKey),
    ],
    [
      "compressed point",
      Buffer.concat([
        unhex("3039301306072a8648ce3d020106082a8648ce3d030107032200"),
        compressed.getPublicKey(null, "compressed"),
      ]),
    ],
    ["PKCS #1", rsa.publicKey.export({ format: "der", type: "pkcs1" })],
    ["a private key", rsa.privateKey.export({ format: "der", type: "pkcs8" })],
    ["PEM", Buffer.from(rsa.publicKey.export({ format: "pem", type: "spki" }))],
    ...["", "00", "3000", "30030101ff", "30800000"].map((text): [string, Uint8Array] => [
      `DER ${text}`,
      unhex(text),
    ]),
    ...[`01${"00".repeat(31)}`, "00".repeat(32), `ed${"ff".repeat(30)}7f`, `${"ff".repeat(31)}7f`].map(
      (point): [string, Uint8Array] => [`Ed25519 ${point}`, unhex(`302a300506032b6570032100${point}`)],
    ),
  ];
  it.each(weak)("%s is refused as on Node", (_, der) => {
    const { web, node } = parsed(der);
    expect(node).toMatch(/^ERR_(SPKI|KEY_UNSUPPORTED)$/);
    expect(web).toBe(node);
  });

  it("RSA of 4096 and 8192 bits is accepted", () => {
    for (const bits of [4096, 8192]) expect(parsed(spki(jwk(bits))).web).toBe(hex(spki(jwk(bits))));
  });

  it("an object that only looks like a key is none", () => {
    const forged = { type: "public", algorithm: "ed25519", verify: () => true } as const;
    for (const use of [signature.algorithmOf, signature.spkiOf])
      expect(outcome(() => use(forged))).toBe("ERR_KEY_UNSUPPORTED");
    expect(outcome(() => signature.verify(forged, new Uint8Array(1), new Uint8Array(64)))).toBe(
      "ERR_KEY_UNSUPPORTED",
    );
    expect(outcome(() => nodeSignature.verify(forged, new Uint8Array(1), new Uint8Array(64)))).toBe(
      "ERR_KEY_UNSUPPORTED",
    );
  });

  it("bytes changed after the check change nothing", async () => {
    const der = plain(spki(PAIRS.ed25519.publicKey));
    const key = signature.publicKeyFromSpki(der);
    const before = hex(der);
    der.fill(0);
    signature.spkiOf(key).fill(0);
    expect(hex(signature.spkiOf(key))).toBe(before);
    const made = await nodeSignature.sign(PAIRS.ed25519.privateKey, Buffer.from("m"));
    expect(signature.verify(key, Buffer.from("m"), plain(made))).toBe(true);
  });

  it("private keys do not sign here", async () => {
    await expect(signature.sign(PAIRS.ed25519.privateKey, Buffer.from("m"))).rejects.toMatchObject({
      code: "ERR_KEY_UNSUPPORTED",
    });
  });
});

interface SignatureFile {
  testGroups: {
    publicKeyDer: string;
    tests: { tcId: number; msg: string; sig: string; result: "valid" | "invalid" }[];
  }[];
}

describe("signatures outside Node", () => {
  it("Wycheproof Ed25519 and ECDSA P-256: exactly the valid ones", () => {
    const seen = { valid: 0, invalid: 0 };
    for (const name of ["ed25519_test.json", "ecdsa_secp256r1_sha256_test.json"]) {
      const file = sharedVectorJson<SignatureFile>(`crypto/wycheproof/${name}`);
      for (const { publicKeyDer, tests } of file.testGroups) {
        const key = signature.publicKeyFromSpki(unhex(publicKeyDer));
        for (const { msg, sig, result, tcId } of tests) {
          const made = name.startsWith("ed25519") ? unhex(sig) : p1363Of(unhex(sig), 32);
          if (made === undefined) continue;
          expect(signature.verify(key, unhex(msg), made), `${name} tcId ${tcId}`).toBe(result === "valid");
          seen[result]++;
        }
      }
    }
    expect(seen.valid).toBe(174 + 88);
    expect(seen.invalid).toBeGreaterThan(120);
  });

  it.each(Object.entries(PAIRS))("%s: Node's signature, and no changed one", async (name, pair) => {
    const message = Buffer.from("message");
    const key = signature.publicKeyFromSpki(spki(pair.publicKey));
    expect(signature.algorithmOf(key)).toBe(nodeSignature.algorithmOf(pair.publicKey));
    const made = plain(await nodeSignature.sign(pair.privateKey, message));
    expect(await signature.verify(key, message, made)).toBe(true);
    const step = name === "rsa" ? 101 : 7;
    for (let bit = 0; bit < made.length * 8; bit += step)
      expect(await signature.verify(key, message, withFlippedBit(made, bit)), `bit ${bit}`).toBe(false);
    const long = Buffer.concat([made, Buffer.alloc(1)]);
    for (const other of [made.subarray(1), long, new Uint8Array(0), new Uint8Array(made.length)])
      expect(await signature.verify(key, message, other)).toBe(false);
    expect(await signature.verify(key, Buffer.from("other"), made)).toBe(false);
  });

  it.each([0, 32, 47, 49])("RSA-PSS with a salt of %i bytes is refused", async (saltLength) => {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const made = nodeSign("sha384", Buffer.from("m"), { key: rsa.privateKey, padding, saltLength });
    const key = signature.publicKeyFromSpki(spki(rsa.publicKey));
    expect(await signature.verify(key, Buffer.from("m"), made)).toBe(false);
  });
});
