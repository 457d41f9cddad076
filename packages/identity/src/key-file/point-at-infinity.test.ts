import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { PrimitiveError } from "@trusted-mcp/primitives/error";
import { algorithmOf, publicKeyFromSpki } from "@trusted-mcp/primitives/signature";
import { afterAll, describe, expect, test } from "vitest";
import { refused, temporaryFolder, write } from "../../test/support.ts";
import { fileSigner } from "../signer/file.ts";
import { keySigner } from "../signer/key.ts";
import { toPublicKey } from "./public-key.ts";

// Found by fuzzing: OpenSSL imports these keys, and asking for their details ended the process (SIGABRT) on
// Node 20 and 22. Each of these tests took the whole test process down.
const P256 = "301306072a8648ce3d020106082a8648ce3d030107";
const P384 = "301006072a8648ce3d020106052b81040022";
/** SubjectPublicKeyInfo with the point at infinity, which SEC 1 §2.3.4 writes as one zero byte. */
const infinite = (algorithm: string): string =>
  `30${(algorithm.length / 2 + 4).toString(16)}${algorithm}03020000`;
/** SEC1 private key (RFC 5915 §3) on P-256, with a public half when one is given. */
const sec1 = (scalar: string, publicHalf: string): string => {
  const body = `0201010420${scalar}a00a06082a8648ce3d030107${publicHalf}`;
  return `30${(body.length / 2).toString(16)}${body}`;
};
const zero = sec1("00".repeat(32), "");
const withInfinity = sec1("11".repeat(32), "a10403020000");

const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");
const pem = (label: string, hex: string): string =>
  `-----BEGIN ${label}-----\n${bytes(hex).toString("base64")}\n-----END ${label}-----\n`;
const imported = (hex: string): KeyObject =>
  createPublicKey({ key: bytes(hex), format: "der", type: "spki" });

describe("a public key that is the point at infinity (SEC 1 §3.2.2.1)", () => {
  test.each([
    ["P-256", infinite(P256)],
    ["P-384", infinite(P384)],
  ])("is refused on %s: as DER, as PEM, as a key object", async (_, hex) => {
    expect(() => publicKeyFromSpki(bytes(hex))).toThrow(PrimitiveError);
    expect(() => algorithmOf(imported(hex))).toThrow(PrimitiveError);
    await refused("ERR_KEY_UNSUPPORTED", () => toPublicKey(pem("PUBLIC KEY", hex)));
    await refused("ERR_KEY_UNSUPPORTED", () => toPublicKey(imported(hex)));
    await refused("ERR_KEY_UNSUPPORTED", () => toPublicKey(bytes(hex)));
  });
});

describe("a private key whose public half is the point at infinity", () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  test.each([
    ["because its scalar is 0", zero],
    ["because the file says so", withInfinity],
  ])("is refused, %s", async (why, hex) => {
    const text = pem("EC PRIVATE KEY", hex);
    const path = write(folder.path(`${why.replaceAll(" ", "-")}.key.pem`), text);
    await refused("ERR_KEY_UNSUPPORTED", () => fileSigner(path));
    await refused("ERR_KEY_UNSUPPORTED", () => keySigner(createPrivateKey(text)));
  });
});
