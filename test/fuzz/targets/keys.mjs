import { generateKeyPairSync } from "node:crypto";
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { encapsulate, kemKeyPairFromSeed, XWING } from "@trusted-mcp/primitives/kem";
import * as signature from "@trusted-mcp/primitives/signature";
import { expect, sameBytes } from "../lib/finding.mjs";
import { alice, ecOf, ed25519Of, fixedBytes, rsaPublicOf, spkiOf } from "../lib/fixed.mjs";
import { bytesOf } from "../lib/text.mjs";

const errors = [PrimitiveError];
const der = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const OIDS = [
  ...["06032b6570", "06032b6571", "06032b656e", "06092a864886f70d010101", "06092a864886f70d01010a"],
  ...["06072a8648ce3d0201", "06082a8648ce3d030107", "06052b81040022", "06052b8104000a", "06052b81040023"],
].map(der);

/** Keys of all kinds, those that must be refused included; also in encodings that OpenSSL takes and we do not. */
export function someSpkis() {
  const p256 = ecOf("p256", "P-256");
  const compressed = Buffer.concat([
    der("3039301306072a8648ce3d020106082a8648ce3d030107032200"),
    Uint8Array.of(2 + (p256.spki.at(-1) & 1)),
    p256.spki.subarray(27, 59),
  ]);
  return [
    ...[alice, ed25519Of("other"), p256, ecOf("p384", "P-384"), ecOf("k1", "secp256k1")].map(
      ({ spki }) => spki,
    ),
    ...[2048, 3072, 4096, 8192].map((bits) => spkiOf(rsaPublicOf(`rsa ${bits}`, bits))),
    spkiOf(rsaPublicOf("small exponent", 3072, "Aw")),
    ...["x25519", "ed448"].map((type) => spkiOf(generateKeyPairSync(type).publicKey)),
    compressed,
    // The point at infinity; small-order Ed25519 points (RFC 8032 §5.1.7).
    der("3019301306072a8648ce3d020106082a8648ce3d03010703020000"),
    ...["00".repeat(32), `01${"00".repeat(31)}`, "ff".repeat(32)].map((point) =>
      der(`302a300506032b6570032100${point}`),
    ),
  ];
}

const spki = {
  name: "spki",
  errors,
  tokens: OIDS,
  maxInflated: 8192,
  seeds: someSpkis,
  run: (input) => signature.publicKeyFromSpki(input),
  check(input, key) {
    sameBytes(signature.spkiOf(key), input, "a key has a second encoding");
    signature.algorithmOf(key);
  },
};

const MESSAGE = bytesOf("what was signed");
const SIGNED = await Promise.all(
  [alice, ecOf("p256", "P-256"), ecOf("p384", "P-384")].map(async ({ privateKey, publicKey }) => ({
    publicKey,
    bytes: await signature.sign(privateKey, MESSAGE),
  })),
);
const RSA = { publicKey: rsaPublicOf("verify", 3072), bytes: fixedBytes("no signature", 384) };

/** First byte: whose signature the rest is. `verify` never throws, and Ed25519 has one signature only. */
const verify = {
  name: "signature",
  errors: [],
  maxInflated: 8192,
  seeds: () => [...SIGNED, RSA].map(({ bytes }, at) => Buffer.concat([Uint8Array.of(at), bytes])),
  run: (input) =>
    signature.verify([...SIGNED, RSA][(input[0] ?? 0) % 4].publicKey, MESSAGE, input.subarray(1)),
  check(input, valid) {
    if (!valid) return;
    expect(input[0] % 4 !== 3, "verified without a signature");
    if (input[0] % 4 === 0) sameBytes(input.subarray(1), SIGNED[0].bytes, "a second signature verifies");
  },
};

const pair = kemKeyPairFromSeed(fixedBytes("kem pair", 32));

const publicKey = {
  name: "kem-public-key",
  errors,
  maxInflated: 8192,
  seeds: () => [pair.publicKey, new Uint8Array(1216), new Uint8Array(1216).fill(255)],
  run: (input) => encapsulate(input),
  check(input, { ciphertext, sharedSecret }) {
    expect(input.length === XWING.publicKeyBytes, "accepted a key of another length");
    expect(ciphertext.length === XWING.ciphertextBytes && sharedSecret.length === 32, "gave other lengths");
  },
};

/** Implicit rejection (FIPS 203 §6.3): every ciphertext of the right length gives a secret, a changed one another. */
const sent = encapsulate(pair.publicKey);
const ciphertext = {
  name: "kem-ciphertext",
  errors,
  maxInflated: 8192,
  seeds: () => [
    new Uint8Array(1120),
    new Uint8Array(1120).fill(255),
    new Uint8Array(1119),
    new Uint8Array(1121),
  ],
  // XORed onto a genuine one, which is another in every run.
  run: (input) =>
    pair.decapsulate(input.length === 1120 ? input.map((byte, at) => byte ^ sent.ciphertext[at]) : input),
  check(input, secret) {
    expect(
      input.length === XWING.ciphertextBytes && secret.length === 32,
      "accepted a ciphertext of another length",
    );
    const same = Buffer.compare(secret, sent.sharedSecret) === 0;
    expect(same === input.every((byte) => byte === 0), "a changed ciphertext gave the same secret");
  },
};

export const targets = [spki, verify, publicKey, ciphertext];
