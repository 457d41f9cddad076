import { generateKeyPairSync } from "node:crypto";
import { initiate, Responder, type InitiatorSession, type Peer } from "@trusted-mcp/channel";
import { expect, test } from "vitest";
import { ed25519 } from "../test/support.ts";
import { identityFrom } from "./identity.ts";
import { keySigner } from "./signer/key.ts";
import { pinnedPeers, pinnedServer, type PinnedPeers } from "./trust-store.ts";

const audience = "https://tools.example/mcp";
const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const alice = ed25519();

function handshake(
  server: typeof rsa,
  client: typeof rsa,
  clients: PinnedPeers,
): Promise<{ session: InitiatorSession; seen: Peer | null | undefined }> {
  let seen: Peer | null | undefined;
  const responder = new Responder({
    audiences: [audience],
    identity: identityFrom(keySigner(server.privateKey)),
    clients,
    onHandshake: (event) => {
      if (event.outcome === "accepted") seen = event.peer;
    },
  });
  return initiate(
    {
      audience,
      identity: identityFrom(keySigner(client.privateKey)),
      verifier: pinnedServer(rsa.publicKey, "tools"),
    },
    (message) => responder.handle(message, "test"),
  ).then((session) => ({ session, seen }));
}

test.each([
  ["Ed25519 directly", alice, false],
  ["P-256 directly", p256, false],
  ["RSA through a delegation", rsa, true],
])(
  "a real handshake: the server by a delegation of its RSA key, the client by %s",
  async (_how, client, delegated) => {
    const { session, seen } = await handshake(
      rsa,
      client,
      pinnedPeers([{ name: "me", key: client.publicKey }]),
    );
    expect(session.peer).toMatchObject({ name: "tools", delegated: true, algorithm: "rsa-pss-sha384" });
    expect(seen).toMatchObject({ name: "me", delegated });
  },
);

test("a server with another key is refused by the client", async () => {
  const clients = pinnedPeers([{ name: "me", key: alice.publicKey }]);
  await expect(handshake(p256, alice, clients)).rejects.toMatchObject({ code: "ERR_PEER_UNKNOWN" });
});

test("a client that was removed from the list is refused in the next handshake", async () => {
  const clients = pinnedPeers([{ name: "me", key: alice.publicKey }]);
  await handshake(rsa, alice, clients);
  clients.replace([]);
  await expect(handshake(rsa, alice, clients)).rejects.toMatchObject({ code: "ERR_REFUSED_BY_PEER" });
});
