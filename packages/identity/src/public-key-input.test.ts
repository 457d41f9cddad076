import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { refused } from "../test/support.ts";
import { keyId } from "./key-id.ts";
import { pinnedPeers, pinnedServer } from "./trust-store.ts";

/** Runs with both sides of the seam: on Node, and with what a browser loads (vitest.web.config.ts). */
const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: "spki", format: "der" }));
const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

const KEYS = {
  ed25519: generateKeyPairSync("ed25519"),
  "ecdsa-p256-sha256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "ecdsa-p384-sha384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
  "rsa-pss-sha384": generateKeyPairSync("rsa", { modulusLength: 3072 }),
};
const { publicKey, privateKey } = KEYS["ecdsa-p256-sha256"];

describe("a public key to pin", () => {
  test.each(Object.entries(KEYS))(
    "%s is the same key as PEM, as PEM amid text, and as bytes",
    (algorithm, pair) => {
      const text = pem(pair.publicKey);
      const expected = [{ name: "server", keyId: keyId(spki(pair.publicKey)), algorithm }];
      for (const key of [text, text.replaceAll("\n", "\r\n"), `from Bob:\n${text}bye`, spki(pair.publicKey)])
        expect(pinnedServer(key).list()).toEqual(expected);
    },
  );

  test("RSA may come in its PKCS #1 form", () => {
    const pair = KEYS["rsa-pss-sha384"];
    const text = pair.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
    expect(pinnedServer(text).list()[0]?.keyId).toBe(keyId(spki(pair.publicKey)));
  });

  test.each([
    ["no text", ""],
    ["no PEM", "hello"],
    ["too much", `${pem(publicKey)}${" ".repeat(70_000)}`],
    ["two keys", pem(publicKey) + pem(KEYS.ed25519.publicKey)],
    ["no end", pem(publicKey).replace("END", "FIN")],
    ["the end of another label", pem(publicKey).replace("END PUBLIC", "END RSA PUBLIC")],
    ["a certificate", pem(publicKey).replaceAll("PUBLIC KEY", "CERTIFICATE")],
    ["an unknown label", pem(publicKey).replaceAll("PUBLIC KEY", "SOME KEY")],
    ["damaged base64", pem(publicKey).replace("MFk", "M*k")],
    ["bytes that are no key", Uint8Array.of(0x30, 0)],
    ["an Ed25519 point of small order", Buffer.from(`302a300506032b6570032100${"00".repeat(32)}`, "hex")],
    ["a point off its curve", spki(publicKey).map((byte, at) => (at === 90 ? byte ^ 1 : byte))],
  ])("is refused: %s", async (_, key) => {
    await refused("ERR_KEY_FILE_FORMAT", () => pinnedServer(key));
  });

  test("is refused as unsupported: weak RSA, other curves", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const other = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
    for (const key of [pem(weak), spki(weak), pem(other), spki(other)])
      await refused("ERR_KEY_UNSUPPORTED", () => pinnedServer(key));
  });

  test("a private key in its place is refused as the leak it is, beside a public one too", async () => {
    const secret = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    for (const key of [secret, pem(publicKey) + secret, secret.replaceAll("PRIVATE", "ENCRYPTED PRIVATE")]) {
      const { message } = await refused("ERR_KEY_NOT_PUBLIC", () => pinnedServer(key));
      expect(message).not.toContain(secret.split("\n")[1]);
    }
  });

  test("an object that only looks like a key is refused", async () => {
    for (const key of [{ type: "public" } as const, { type: "secret" } as const])
      await refused("ERR_KEY_FILE_FORMAT", () => pinnedPeers([{ name: "a", key }]));
  });
});
