import { generateKeyPairSync } from "node:crypto";
import { directIdentity, keySigner, pinnedPeers } from "@trusted-mcp/identity";

/** What every application here is called, wherever it listens. */
export const AUDIENCE = "https://matrix.example/mcp";
export const CLIENT_NAME = "alice";

function person() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { publicKey, identity: directIdentity(keySigner(privateKey)) };
}

const server = person();
export const serverKey = server.publicKey;
export const client = person();

/** Options of every sealed application. @param {(error: unknown) => void} onerror */
export const serverOptions = (onerror) => ({
  identity: server.identity,
  clients: pinnedPeers([{ name: CLIENT_NAME, key: client.publicKey }]),
  audience: AUDIENCE,
  handshakeLimit: { burst: 1_000_000, perSecond: 1_000_000 },
  onerror,
});
