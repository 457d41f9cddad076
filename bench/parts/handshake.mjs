/**
 * A whole handshake in one process: every flight of both sides, signatures and checks, no network. CPU comes from
 * process.cpuUsage, so work on other threads (RSA signatures) counts too.
 */
import { initiate, Responder } from "@trusted-mcp/channel";
import {
  delegatedIdentity,
  directIdentity,
  generateKey,
  keySigner,
  pinnedPeers,
  pinnedServer,
} from "@trusted-mcp/identity";
import { median } from "../statistics.mjs";
import { AUDIENCE } from "../trusted/keys.mjs";

/** An RSA key delegates, as identityFrom() has it; `direct` shows what that saves. */
const IDENTITIES = [
  { name: "ed25519", type: "ed25519", source: directIdentity },
  { name: "ecdsa-p256", type: "ecdsa-p256", source: directIdentity },
  { name: "rsa-4096", type: "rsa-4096", source: delegatedIdentity },
  { name: "rsa-4096, direct", type: "rsa-4096", source: directIdentity },
];

async function pairOfEnds({ type, source }) {
  const [server, client] = await Promise.all([generateKey(type), generateKey(type)]);
  const responder = new Responder({
    audiences: [AUDIENCE],
    identity: source(keySigner(server.privateKey)),
    clients: pinnedPeers([{ name: "client", key: client.publicKey }]),
    limits: { maxSessionsPerPeer: 10_000 },
    sourceLimit: { burst: 1e6, perSecond: 1e6 },
  });
  const options = {
    audience: AUDIENCE,
    identity: source(keySigner(client.privateKey)),
    verifier: pinnedServer(server.publicKey),
  };
  return {
    full: () => initiate(options, (message) => responder.handle(message, "bench")),
    resumed: (ticket) => initiate({ ...options, ticket }, (message) => responder.handle(message, "bench")),
    clear: () => responder.sessions.clear(),
  };
}

async function measure(name, run, { batches, size }) {
  const [cpu, wall] = [[], []];
  for (let batch = -1; batch < batches; batch++) {
    const [before, started] = [process.cpuUsage(), performance.now()];
    for (let i = 0; i < size; i++) await run();
    const used = process.cpuUsage(before);
    if (batch < 0) continue; // warm-up
    cpu.push((used.user + used.system) / 1000 / size);
    wall.push((performance.now() - started) / size);
  }
  return {
    name,
    count: batches * size,
    cpu,
    median: median(cpu),
    min: Math.min(...cpu),
    max: Math.max(...cpu),
    wall: median(wall),
  };
}

export async function measureHandshakes({ quick }) {
  const plan = quick ? { batches: 1, size: 2 } : { batches: 7, size: 30 };
  const rows = [];
  // Making an RSA key takes longer than everything else that is quick.
  for (const identity of quick ? IDENTITIES.slice(0, 3) : IDENTITIES) {
    const ends = await pairOfEnds(identity);
    rows.push(await measure(identity.name, ends.full, plan));
    if (identity.name === "ed25519") {
      let { ticket } = await ends.full();
      rows.push(
        await measure("ed25519, resumed", async () => ({ ticket } = await ends.resumed(ticket)), plan),
      );
    }
    ends.clear();
  }
  return rows;
}
