import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { refusalOf } from "@trusted-mcp/testkit";
import { describe, expect, test } from "vitest";
import { rsaKeys } from "../../test/platform/keys.ts";
import { issuerKeys } from "./issuer-keys.ts";

const keys = rsaKeys(2048);
const jwk = keys.publicKey.export({ format: "jwk" });

describe("issuer keys", () => {
  test("come as PEM, JWK, JWK set or key objects", () => {
    for (const input of [
      keys.publicPem,
      JSON.stringify(jwk),
      JSON.stringify({ keys: [jwk] }),
      keys.publicKey,
    ]) {
      const [key, ...others] = issuerKeys([input]);
      expect(key?.equals(keys.publicKey)).toBe(true);
      expect(others).toEqual([]);
    }
    expect(issuerKeys([keys.publicPem, JSON.stringify({ keys: [jwk, jwk] })])).toHaveLength(3);
  });

  test.each<[string, () => readonly Parameters<typeof issuerKeys>[0][number][]]>([
    ["none", () => []],
    ["an empty set", () => ['{"keys":[]}']],
    ["a private key", () => [String(keys.privateKey.export({ type: "pkcs8", format: "pem" }))]],
    ["a private key object", () => [keys.privateKey]],
    ["a private JWK", () => [JSON.stringify(keys.privateKey.export({ format: "jwk" }))]],
    ["a secret", () => [createSecretKey(Buffer.alloc(32))]],
    ["a secret as JWK", () => ['{"kty":"oct","k":"AAAA"}']],
    ["an elliptic curve", () => [generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey]],
    ["1024 bits", () => [rsaKeys(1024).publicKey]],
    ["something else", () => ["ssh-rsa AAAA"]],
    ["too many", () => Array.from({ length: 33 }, () => keys.publicKey)],
  ])("%s are refused", async (_name, inputs) => {
    expect(await refusalOf(() => issuerKeys(inputs()))).toBe("ERR_ISSUER_KEYS");
  });
});
