import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { refusalOf, withFlippedBit } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";
import { agreedKey, keyFromShared, newShare, openKey, sealKey } from "./key-agreement.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/agreement.json", import.meta.url), "utf8"),
) as readonly {
  readonly shared: string;
  readonly key: string;
  readonly plaintext: string;
  readonly sealed: string;
}[];
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const pem = (key: KeyObject, type: "spki" | "pkcs8" = "spki"): string =>
  Buffer.from(String(key.export({ type, format: "pem" }))).toString("base64");

test.each(vectors.map((row, index) => [index, row] as const))(
  "what the real Python code derives and seals is derived and opened: vector %i",
  async (_index, row) => {
    expect(keyFromShared(bytes(row.shared))).toEqual(bytes(row.key));
    expect(openKey(bytes(row.key), bytes(row.sealed))).toEqual(bytes(row.plaintext));
    for (let bit = 0; bit < row.sealed.length * 4; bit += 3)
      expect(await refusalOf(() => openKey(bytes(row.key), withFlippedBit(bytes(row.sealed), bit)))).toBe(
        "ERR_KEY_SERVICE_KEY",
      );
  },
);

test("both ends agree on a key, and every exchange on another one", async () => {
  const [a, b, c] = [await newShare(), await newShare(), await newShare()];
  expect(agreedKey(a.privateKey, b.publicShare)).toEqual(agreedKey(b.privateKey, a.publicShare));
  expect(agreedKey(a.privateKey, c.publicShare)).not.toEqual(agreedKey(a.privateKey, b.publicShare));
  const key = agreedKey(a.privateKey, b.publicShare);
  expect(openKey(key, sealKey(key, bytes("0102")))).toEqual(bytes("0102"));
});

describe("a share is refused", () => {
  const own = generateKeyPairSync("ec", { namedCurve: "P-384" });
  // The last bit of y changed: no point with this x has it.
  const der = own.publicKey.export({ type: "spki", format: "der" });
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const off = `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----\n`;
  test.each<[string, () => string]>([
    ["on another curve", () => pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey)],
    ["of RSA", () => pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey)],
    ["that is private", () => pem(own.privateKey, "pkcs8")],
    ["off the curve", () => Buffer.from(off).toString("base64")],
    ["that is empty", () => ""],
    ["that is too long", () => "A".repeat(5000)],
  ])("%s", async (_name, share) => {
    const mine = await newShare();
    expect(await refusalOf(() => agreedKey(mine.privateKey, share()))).toBe("ERR_KEY_SERVICE_KEY");
  });
});

test.each([0, 1, 27])("%i bytes are no wrapped key", async (length) => {
  expect(await refusalOf(() => openKey(new Uint8Array(32), new Uint8Array(length)))).toBe(
    "ERR_KEY_SERVICE_KEY",
  );
});
