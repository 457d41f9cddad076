import { generateKeyPairSync, type KeyObject } from "node:crypto";

export interface TestKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

export function rsaKeys(bits = 3072): TestKeys {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return { publicKey, privateKey, publicPem: String(publicKey.export({ type: "spki", format: "pem" })) };
}
