import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { CredentialSource } from "@trusted-mcp/channel";
import { directIdentity, keySigner } from "@trusted-mcp/identity";

export interface Person {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly identity: CredentialSource;
}

/** A new key pair; Ed25519, because the tests here are not about algorithms. */
export function person(name: string): Person {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { name, publicKey, privateKey, identity: directIdentity(keySigner(privateKey)) };
}
