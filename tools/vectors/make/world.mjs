import { initiate, Responder } from "../../../packages/channel/dist/index.js";
import { TYPE, typeOf } from "../../../packages/channel/dist/handshake/message.js";
import { encodeRawKey, encodeDelegatedKey } from "../../../packages/identity/dist/credential.js";
import { delegationMessage, encodeDelegation } from "../../../packages/identity/dist/delegation.js";
import { pinnedPeers } from "../../../packages/identity/dist/trust-store.js";
import { reset, state, use } from "./deterministic.mjs";
import { join, text } from "./json.mjs";

export const NOW = Date.UTC(2026, 0, 1);
export const AUDIENCE = "https://tools.example/mcp";
export const clock = { now: () => NOW, monotonic: () => 1000 };
const MESSAGE_NAMES = Object.fromEntries(Object.entries(TYPE).map(([name, code]) => [code, name]));

/** Type 1. */
export function rawIdentity(key) {
  return { type: 1, credential: encodeRawKey(key.spki), spki: key.spki, seed: key.seed, sign: key.sign };
}

/** Type 2: `delegate` signs handshakes for `identity`. */
export async function delegatedIdentity(identity, delegate, role, change = {}) {
  const delegation = {
    role,
    audience: AUDIENCE,
    spki: delegate.spki,
    notBeforeSeconds: NOW / 1000 - 600,
    notAfterSeconds: NOW / 1000 + 43_200,
    ...change,
  };
  const delegationBytes = encodeDelegation(delegation);
  const signature = await identity.sign(delegationMessage(delegationBytes));
  return {
    type: 2,
    credential: encodeDelegatedKey({ identitySpki: identity.spki, delegationBytes, signature }),
    spki: delegate.spki,
    seed: delegate.seed,
    notAfter: delegation.notAfterSeconds * 1000,
    sign: delegate.sign,
  };
}

function sourceOf(identity) {
  const { type, credential: bytes, spki, notAfter, sign } = identity;
  const credential = { type, bytes, spki, sign, ...(notAfter !== undefined && { notAfter }) };
  return { types: [type], current: () => credential };
}

export const sampleEvidence = (reportData) => join(text("sample evidence "), reportData);

const provider = {
  types: ["sample"],
  collect: async (reportData) => ({ type: "sample", bytes: sampleEvidence(reportData) }),
};

/** Takes genuine evidence and notes the report data that was expected. */
function appraiser(expected) {
  return {
    types: ["sample"],
    appraise: async ({ bytes }, { reportData, role }) => {
      expected[role] = Uint8Array.from(reportData);
      const genuine = Buffer.compare(bytes, sampleEvidence(reportData)) === 0;
      return { status: genuine ? "affirming" : "contraindicated" };
    },
  };
}

const pinned = (keys) => pinnedPeers(keys.map((key) => ({ name: key.name, key: key.publicKey })));

/** What `responder` is made from; `retryThreshold: 0` makes it ask for a token. */
export function makeResponder(server, expected, ticketStore) {
  const limits = { idleMs: 3_600_000, maxMessageBytes: 4_194_304 };
  return new Responder({
    audiences: server.audiences ?? [AUDIENCE],
    identity: sourceOf(server.identity),
    clients: pinned(server.accepts),
    clientAuth: server.clientAuth ?? "required",
    framings: server.framings ?? [1],
    ...(server.evidence && { evidence: provider }),
    ...(server.appraises && { appraiser: appraiser(expected) }),
    tickets: ticketStore ?? false,
    retryThreshold: server.retryThreshold ?? 256,
    limits,
    clock,
  });
}

/** Runs both ends of the implementation and writes down everything. */
export async function runHandshake({ name, note, client, server }) {
  reset();
  const expected = {};
  const messages = [];
  let kept = null;
  const ticket = client.ticket ?? null;
  const entry = () => ({ ...server.ticket, psk: Uint8Array.from(server.ticket.psk) });
  const store = {
    put: (id, stored) => void (kept = { id, ...stored, psk: Uint8Array.from(stored.psk) }),
    get: () => (server.ticket ? entry() : undefined),
    take: () => (server.ticket ? entry() : undefined),
  };
  use(`${name} responder`);
  const responder = makeResponder(server, expected, server.tickets === false ? null : store);
  state.drawn = [];
  const draws = { client: [], F1: [], F2: [] };
  let outcome = "open";
  let session = null;
  use(`${name} initiator`);
  const take = () => state.drawn.splice(0).map(({ bytes }) => bytes);
  try {
    session = await initiate(
      {
        audience: AUDIENCE,
        ...(client.identity && { identity: sourceOf(client.identity) }),
        verifier: pinned(client.accepts),
        framings: client.framings ?? [2, 1],
        ...(client.evidence && { evidence: provider }),
        ...(client.appraises && { appraiser: appraiser(expected) }),
        ...(ticket && { ticket: { ...ticket, psk: Uint8Array.from(ticket.psk) } }),
        clock,
      },
      async (sent) => {
        if (typeOf(sent) === TYPE.F1 && draws.client.length === 0) draws.client = take();
        messages.push({ from: "client", name: nameOf(sent), bytes: Uint8Array.from(sent) });
        use(`${name} responder`);
        const answer = await responder.handle(sent, "192.0.2.1");
        draws[nameOf(sent)] = take();
        use(`${name} initiator`);
        messages.push({ from: "server", name: nameOf(answer), bytes: Uint8Array.from(answer) });
        return answer;
      },
    );
  } catch (error) {
    outcome = error.code;
    if (outcome === undefined) throw error;
  }
  const opened = session === null ? null : responder.sessions.get(session.id);
  return {
    name,
    note,
    now: NOW,
    client: describeClient(client),
    server: describeServer(server),
    random: randomOf(draws, client, server),
    messages,
    outcome,
    derived: derivedOf(expected),
    session: session && {
      id: Buffer.from(session.id, "base64url"),
      framing: session.framing,
      resumed: session.resumed,
      server_key_id: session.peer.keyId,
      client_key_id: opened.peer?.keyId ?? null,
      client_not_after: session.notAfter,
      server_not_after: opened.notAfter,
      ticket: kept && {
        id: Buffer.from(kept.id, "base64url"),
        psk: kept.psk,
        not_after: kept.notAfter,
        client_credential: kept.peerCredential,
        server_credential: session.ticket.serverCredential,
      },
    },
  };
}

const nameOf = (bytes) => MESSAGE_NAMES[typeOf(bytes)];

function describeIdentity(identity) {
  if (!identity) return null;
  const { type, credential, spki, seed, notAfter } = identity;
  return { type, credential, signing_spki: spki, signing_seed: seed, not_after: notAfter ?? null };
}

function describeClient(client) {
  const { ticket } = client;
  return {
    audience: AUDIENCE,
    framings: client.framings ?? [2, 1],
    accepts: client.accepts.map(({ spki }) => spki),
    identity: describeIdentity(client.identity),
    gives_evidence: client.evidence ?? false,
    asks_evidence: client.appraises ?? false,
    ticket: ticket
      ? {
          id: ticket.id,
          psk: ticket.psk,
          not_after: ticket.notAfter,
          server_credential: ticket.serverCredential,
        }
      : null,
  };
}

function describeServer(server) {
  const { ticket } = server;
  return {
    audiences: server.audiences ?? [AUDIENCE],
    framings: server.framings ?? [1],
    client_auth: server.clientAuth === "optional" ? 0 : 1,
    accepts: server.accepts.map(({ spki }) => spki),
    identity: describeIdentity(server.identity),
    gives_evidence: server.evidence ?? false,
    asks_evidence: server.appraises ?? false,
    gives_tickets: server.tickets !== false && !server.evidence && !server.appraises,
    ticket: ticket
      ? { id: ticket.id, psk: ticket.psk, not_after: ticket.notAfter, client_credential: ticket.peerCredential }
      : null,
    lifetime_ms: 86_400_000,
    idle_seconds: 3600,
    max_message_bytes: 4_194_304,
  };
}

/** Drawn in this order by the two ends. */
function randomOf(draws, client, server) {
  const [kemSeed, ...initiator] = draws.client;
  const clientContext = client.appraises ? initiator.shift() : null;
  const [handshakeId, encapsulationSeed, nonceS, serverContext = null] = draws.F1;
  const [nonceS2 = null, sessionId = null, ticketId = null] = draws.F2;
  return {
    kem_seed: kemSeed,
    client_context: clientContext,
    nonce_c: initiator[0],
    handshake_id: handshakeId,
    encapsulation_seed: encapsulationSeed,
    nonce_s: nonceS,
    server_context: server.appraises ? serverContext : null,
    nonce_s2: nonceS2,
    session_id: sessionId,
    ticket_id: ticketId,
  };
}

/** Both ends' key schedules in one; that they agree is checked. */
function derivedOf(expected) {
  const found = {};
  const note = (name, value) => {
    const known = found[name];
    if (known !== undefined && Buffer.compare(known, value) !== 0) throw new Error(`The ends differ in ${name}`);
    found[name] = value;
  };
  for (const { name, label, items, args, out } of state.derived) {
    if (name === "earlySecret") note("es", out);
    if (name === "handshakeSecret") note("hs", out);
    if (name === "handshakeSecret") note("kem_shared_secret", args[1]);
    if (name === "masterSecret") note("ms", out);
    if (name === "pskBinder") note("binder", out);
    if (name === "finished") note(label === "server" ? "fin_s" : "fin_c", out);
    if (name === "finished") note("th0", args[2]);
    if (name === "applicationRoot") note("th4", args[1]);
    if (name === "applicationRoot") note("app_root", out);
    if (name === "trafficKey") note(`key ${label}`, join(out.key, out.iv));
    if (name === "trafficKey" && (label === "s2" || label === "alert")) note(label === "s2" ? "th3" : "th_alert", items[0]);
    if (name === "expand") note(label, out);
  }
  if (expected.server) note("report_data_server", expected.server);
  if (expected.client) note("report_data_client", expected.client);
  return found;
}

