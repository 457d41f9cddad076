/** Identities of one run: made by the process that starts the others, handed to them as PEM, kept nowhere. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { directIdentity, keySigner, pinnedPeers, pinnedServer } from "@trusted-mcp/identity";

export const AUDIENCE = "https://load.example/mcp";

export function makeKeys() {
  const keys = {};
  for (const name of ["server", "honest", "mallory"])
    keys[name] = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  return keys;
}

const publicOf = (pem) => createPublicKey(createPrivateKey(pem));
const identityOf = (pem) => directIdentity(keySigner(createPrivateKey(pem)));

export function serverSide(keys) {
  const peers = ["honest", "mallory"].map((name) => ({ name, key: publicOf(keys[name]) }));
  return { identity: identityOf(keys.server), clients: pinnedPeers(peers), audience: AUDIENCE };
}

export function clientSide(keys, name) {
  return {
    identity: identityOf(keys[name]),
    verifier: pinnedServer(publicOf(keys.server)),
    audience: AUDIENCE,
  };
}
