import { createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSigner, IdentityError, toPublicKey } from "@trusted-mcp/identity";
import { algorithmOf, publicKeyFromSpki } from "@trusted-mcp/primitives/signature";
import { pemBlocks } from "../../../packages/identity/dist/key-file/pem.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import { alice, ecOf, rsaPublicOf, spkiOf } from "../lib/fixed.mjs";
import { bytesOf, textOf, tokensOf } from "../lib/text.mjs";
import { someSpkis } from "./keys.mjs";

const errors = [IdentityError];
const wrap = (label, der) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

const p256 = ecOf("p256", "P-256").privateKey;
const exported = (key, options) => key.export({ format: "pem", ...options });
/** Private keys in every form that users have; weak, odd and damaged ones are made of them by mutation. */
const PRIVATE = [
  exported(alice.privateKey, { type: "pkcs8" }),
  exported(p256, { type: "pkcs8" }),
  exported(p256, { type: "sec1" }),
  exported(ecOf("k1", "secp256k1").privateKey, { type: "pkcs8" }),
  exported(alice.privateKey, { type: "pkcs8", cipher: "aes-256-cbc", passphrase: "secret" }),
  `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${exported(p256, { type: "sec1" })}`,
  // SEC1 without its public half, and with the scalar 0 (RFC 5915 §3).
  wrap("EC PRIVATE KEY", Buffer.from(`30310201010420${"11".repeat(32)}a00a06082a8648ce3d030107`, "hex")),
  wrap("EC PRIVATE KEY", Buffer.from(`30310201010420${"00".repeat(32)}a00a06082a8648ce3d030107`, "hex")),
  wrap("OPENSSH PRIVATE KEY", alice.spki),
];
const rsaPublic = rsaPublicOf("pem", 3072);
const PUBLIC = [
  ...someSpkis().map((spki) => wrap("PUBLIC KEY", spki)),
  exported(rsaPublic, { type: "pkcs1" }),
  wrap("CERTIFICATE", alice.spki),
  `text before\n${wrap("PUBLIC KEY", alice.spki)}text behind`,
];
const tokens = tokensOf(
  ...[
    "-----BEGIN ",
    "-----END ",
    "-----",
    "PUBLIC KEY",
    "PRIVATE KEY",
    "RSA ",
    "EC ",
    "ENCRYPTED ",
    "CERTIFICATE",
  ],
  ...["\n", "\r\n", "\r", " ", "=", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", "\0", "é"],
);

const pem = {
  name: "pem",
  errors,
  tokens,
  maxInflated: 65_536,
  seeds: () => [...PRIVATE, ...PUBLIC].map(bytesOf),
  run: (input) => pemBlocks(input, "the file"),
  check(input, blocks) {
    let at = 0;
    for (const { label, bytes } of blocks) {
      const text = bytes.toString("latin1");
      expect(/^[A-Z0-9 ]{1,64}$/.test(label), "a label is not one");
      expect(
        text.startsWith(`-----BEGIN ${label}-----`) && text.endsWith(`-----END ${label}-----`),
        "cut wrongly",
      );
      expect(text.indexOf("-----BEGIN ", 1) === -1, "a block holds another");
      at = Buffer.from(input).indexOf(text, at, "latin1");
      expect(at !== -1, "a block does not stand in the file");
      at += text.length;
    }
  },
};

/** A public key in PEM: the same that OpenSSL reads, in its one form, and never out of a private one. */
const publicKey = {
  name: "public-key",
  errors,
  tokens,
  maxInflated: 65_536,
  seeds: () => [...PUBLIC, ...PRIVATE].map(bytesOf),
  run: (input) => toPublicKey(textOf(input)),
  check(input, key) {
    const text = textOf(input);
    expect(
      key.type === "public" && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text),
      "took a private key for a public one",
    );
    algorithmOf(key);
    const again = toPublicKey(exported(key, { type: "spki" }));
    sameBytes(spkiOf(again), spkiOf(key), "the key has a second form");
    expect(publicKeyFromSpki(spkiOf(key)).equals(key), "a key that may not be on the wire");
    const other = createPublicKey(pemBlocks(bytesOf(text), "the text")[0].bytes);
    expect(other.equals(key) || other.asymmetricKeyType === "ec", "OpenSSL reads another key");
  },
};

const folder = mkdtempSync(join(tmpdir(), "fuzz-keys-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const FILE = join(folder, "a.key.pem");
const PASSPHRASE = join(folder, "passphrase");
writeFileSync(PASSPHRASE, "secret\n", { mode: 0o600 });

/** First byte: with a passphrase (1) or without (0). The rest is the file. */
const privateKey = {
  name: "private-key",
  errors,
  tokens,
  maxInflated: 66_000,
  seeds: () =>
    PRIVATE.map((text) =>
      Buffer.concat([Uint8Array.of(text.includes("ENCRYPTED") ? 1 : 0), bytesOf(text)]),
    ).concat(Buffer.concat([Uint8Array.of(0), bytesOf(PUBLIC[0])])),
  async run(input) {
    writeFileSync(FILE, input.subarray(1), { mode: 0o600 });
    const signer = await fileSigner(
      FILE,
      (input[0] ?? 0) % 2 === 0 ? {} : { passphrase: { file: PASSPHRASE } },
    );
    return { algorithm: signer.algorithm, spki: signer.spki };
  },
  check(input, { algorithm, spki }) {
    const blocks = pemBlocks(input.subarray(1), "the file").filter(({ label }) => label !== "EC PARAMETERS");
    expect(blocks.length === 1, "chose one of several keys");
    const other = createPrivateKey({ key: blocks[0].bytes, format: "pem", passphrase: "secret" });
    const compressed = other.asymmetricKeyType === "ec";
    if (!compressed) sameBytes(spkiOf(createPublicKey(other)), spki, "OpenSSL reads another key");
    expect(typeof algorithm === "string", "a signer without an algorithm");
  },
};

export const targets = [pem, publicKey, privateKey];
