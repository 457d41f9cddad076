/** This run's identities, made once by the process that starts everything and read from its folder. */
import { join } from "node:path";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  pinnedPeers,
  writeKeyPair,
} from "@trusted-mcp/identity";

/** Fixed, because the port is not known when the keys and options are made. */
export const AUDIENCE = "https://bench.example/mcp";

export async function writeIdentities(directory) {
  for (const side of ["server", "client"])
    await writeKeyPair(join(directory, side), await generateKey("ed25519"));
}

const identity = async (directory, side) =>
  identityFrom(await fileSigner(join(directory, `${side}.key.pem`)));
const publicKey = (directory, side) => loadPublicKey(join(directory, `${side}.pub.pem`));

/** One peer holds all the sessions here, and one source makes all the handshakes: the limits are for strangers. */
const LIMITS = {
  limits: { maxSessionsPerPeer: 10_000 },
  handshakeLimit: { burst: 10_000, perSecond: 10_000 },
};

export async function serverOptions(directory) {
  return {
    identity: await identity(directory, "server"),
    clients: pinnedPeers([{ name: "bench", key: await publicKey(directory, "client") }]),
    audience: AUDIENCE,
    ...LIMITS,
    onerror: (error) => console.error("server:", error),
  };
}

export async function clientOptions(directory, url) {
  return {
    url,
    audience: AUDIENCE,
    identity: await identity(directory, "client"),
    server: pinnedServer(await publicKey(directory, "server")),
  };
}
