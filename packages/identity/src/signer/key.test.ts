import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import { publicKeyFromSpki, verify } from "@trusted-mcp/primitives/signature";
import { expect, test } from "vitest";
import { ed25519, pem, refused } from "../../test/support.ts";
import { keySigner } from "./key.ts";

const message = new TextEncoder().encode("a message");

test.each([
  ["ed25519", ed25519().privateKey, "ed25519", 64],
  ["P-256", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, "ecdsa-p256-sha256", 64],
  ["P-384", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, "ecdsa-p384-sha384", 96],
])("a %s signer signs for the public key that it names", async (_what, key, algorithm, length) => {
  const signer = keySigner(key);
  expect(signer.algorithm).toBe(algorithm);
  const signature = await signer.sign(message);
  expect(signature).toHaveLength(length);
  expect(verify(publicKeyFromSpki(signer.spki), message, signature)).toBe(true);
});

test("a signer only signs: the private key is in none of its properties, and not in its printed form [REQ-SIGNER]", () => {
  const { privateKey } = ed25519();
  const signer = keySigner(privateKey);
  expect(Object.keys(signer).toSorted()).toEqual(["algorithm", "sign", "spki"]);
  expect(Object.isFrozen(signer)).toBe(true);
  const scalar = privateKey.export({ format: "jwk" })["d"] ?? "";
  const shown = `${inspect(signer, { depth: null, showHidden: true })}${JSON.stringify(signer)}`;
  expect(shown).not.toContain(scalar);
  expect(shown).not.toContain(pem(privateKey).split("\n")[1]);
});

test("a public, secret or weak key makes no signer", async () => {
  await refused("ERR_KEY_NOT_PRIVATE", () => keySigner(ed25519().publicKey));
  await refused("ERR_KEY_NOT_PRIVATE", () => keySigner(createSecretKey(Buffer.alloc(32))));
  await refused("ERR_KEY_UNSUPPORTED", () =>
    keySigner(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
  );
});
