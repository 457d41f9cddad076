import { createHash, createPrivateKey, randomBytes, sign } from "node:crypto";
import {
  initiate,
  Responder,
  type CredentialSource,
  type EvidenceAppraiser,
  type EvidenceProvider,
  type InitiatorSession,
  type TicketStore,
} from "@trusted-mcp/channel";
import { pinnedPeers } from "@trusted-mcp/identity";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { ManualClock } from "@trusted-mcp/testkit";
import { describe, expect, it, vi } from "vitest";
import {
  codeOf,
  hex,
  recordedSignatures,
  unhex,
  vectors,
  type HandshakeVector,
  type Hex,
  type IdentityVector,
  type NegativeVector,
  type TicketVector,
} from "./support/vectors.ts";

/**
 * The published handshakes (spec §12), run by the implementation: each end alone, with the vector's randomness,
 * must send the same bytes and come to the same end; negative ones must end with their reason.
 */
const drawn = vi.hoisted(() => ({ queue: [] as Uint8Array[] }));

/** What the vector says comes next; anything beyond it is random. */
function draw(length: number): Uint8Array {
  const next = drawn.queue.shift() ?? randomBytes(length);
  if (next.length !== length)
    throw new Error(`The vector has ${next.length} random bytes where ${length} are drawn`);
  return new Uint8Array(next);
}

vi.mock("@trusted-mcp/primitives/bytes", async (original) => ({
  ...(await original<object>()),
  random: (length: number) => draw(length),
}));

vi.mock("@trusted-mcp/primitives/kem", async (original) => {
  const kem = await original<typeof import("@trusted-mcp/primitives/kem")>();
  return {
    ...kem,
    generateKemKeyPair: () => kem.kemKeyPairFromSeed(draw(32)),
    encapsulate: (publicKey: Uint8Array) => kem.encapsulateDerand(publicKey, draw(64)),
  };
});

const handshakes = vectors<HandshakeVector>("handshake.json");
const recorded = recordedSignatures();
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function signature(identity: IdentityVector, message: Uint8Array): Uint8Array {
  if (identity.signing_seed === null) {
    const known = recorded.get(createHash("sha256").update(message).digest("hex"));
    if (known === undefined) throw new Error("This message was never signed");
    return unhex(known);
  }
  const der = Buffer.concat([ED25519_PKCS8, unhex(identity.signing_seed)]);
  return sign(null, message, createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}

function sourceOf(identity: IdentityVector): CredentialSource {
  const credential = {
    type: identity.type,
    bytes: unhex(identity.credential),
    spki: unhex(identity.signing_spki),
    ...(identity.not_after !== null && { notAfter: identity.not_after }),
    sign: (message: Uint8Array) => Promise.resolve(signature(identity, message)),
  };
  return { types: [identity.type], current: () => credential };
}

const pins = (accepts: readonly Hex[]) =>
  pinnedPeers(accepts.map((spki, index) => ({ name: `peer-${index}`, key: unhex(spki) })));

const sample = (reportData: Uint8Array) =>
  new Uint8Array(Buffer.concat([utf8("sample evidence "), reportData]));

const provider: EvidenceProvider = {
  types: ["sample"],
  collect: (reportData) => Promise.resolve({ type: "sample", bytes: sample(reportData) }),
};

const appraiser: EvidenceAppraiser = {
  types: ["sample"],
  appraise: ({ bytes }, { reportData }) =>
    Promise.resolve({
      status: Buffer.compare(bytes, sample(reportData)) === 0 ? "affirming" : "contraindicated",
    }),
};

/** The named random values that the vector has, in the order in which this implementation draws them. */
const draws = (vector: HandshakeVector, ...names: string[]): Uint8Array[] =>
  names.flatMap((name) => vector.random[name] ?? []).map(unhex);

async function runClient(
  vector: HandshakeVector,
  replies: readonly Uint8Array[],
  sent: Hex[],
): Promise<InitiatorSession> {
  const { client } = vector;
  drawn.queue = draws(vector, "kem_seed", "client_context", "nonce_c");
  let at = 0;
  return await initiate(
    {
      audience: client.audience,
      framings: client.framings,
      verifier: pins(client.accepts),
      ...(client.identity && { identity: sourceOf(client.identity) }),
      ...(client.gives_evidence && { evidence: provider }),
      ...(client.asks_evidence && { appraiser }),
      ...(client.ticket && {
        ticket: {
          id: unhex(client.ticket.id),
          psk: unhex(client.ticket.psk),
          audience: client.audience,
          notAfter: client.ticket.not_after,
          serverCredential: unhex(client.ticket.server_credential ?? ""),
        },
      }),
      clock: new ManualClock(vector.now),
    },
    (message) => {
      sent.push(hex(message));
      const reply = replies[at];
      at += 1;
      if (reply === undefined) throw new Error("The client wants another answer");
      return Promise.resolve(reply);
    },
  );
}

/** One ticket, which `take` takes once; a ticket that is given goes nowhere. */
function storeOf(ticket: TicketVector | null, audience: string): TicketStore {
  let left = ticket;
  const entry = () =>
    left === null
      ? undefined
      : {
          psk: unhex(left.psk),
          peerCredential: left.client_credential ? unhex(left.client_credential) : null,
          audience,
          notAfter: left.not_after,
        };
  const matches = (id: string) => left !== null && Buffer.from(left.id, "hex").toString("base64url") === id;
  return {
    put: () => undefined,
    get: (id) => (matches(id) ? entry() : undefined),
    take: (id) => {
      const taken = matches(id) ? entry() : undefined;
      if (taken !== undefined) left = null;
      return taken;
    },
  };
}

function responderOf(vector: HandshakeVector, refusals: string[]): Responder {
  const { server, client } = vector;
  drawn.queue = [];
  const responder = new Responder({
    audiences: server.audiences,
    identity: sourceOf(server.identity),
    clients: pins(server.accepts),
    clientAuth: server.client_auth === 1 ? "required" : "optional",
    framings: server.framings,
    ...(server.gives_evidence && { evidence: provider }),
    ...(server.asks_evidence && { appraiser }),
    tickets: storeOf(server.ticket, client.audience),
    clock: new ManualClock(vector.now),
    onHandshake: (event) => {
      if (event.outcome === "refused") refusals.push(event.code);
    },
  });
  drawn.queue = draws(
    vector,
    ...["handshake_id", "encapsulation_seed", "nonce_s", "server_context"],
    ...["nonce_s2", "session_id", "ticket_id"],
  );
  return responder;
}

const named = (name: string): HandshakeVector => {
  const found = handshakes.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`no handshake ${name}`);
  return found;
};

/** "=NAME" stands for the message of that name in the base. */
const messageOf = (base: HandshakeVector, text: string): Uint8Array =>
  unhex(
    text.startsWith("=") ? (base.messages.findLast(({ name }) => name === text.slice(1))?.bytes ?? "") : text,
  );

describe("handshake.json (spec §3, §4) [REQ-VECTORS]", () => {
  it.each(handshakes)("client: $name", async (vector) => {
    const [own, theirs] = ["client", "server"].map((end) =>
      vector.messages.filter(({ from }) => from === end),
    );
    const sent: Hex[] = [];
    const run = runClient(vector, theirs?.map(({ bytes }) => unhex(bytes)) ?? [], sent);
    if (vector.session === null) expect(await codeOf(() => run)).toBe(vector.outcome);
    else {
      const session = await run;
      expect(Buffer.from(session.id, "base64url").toString("hex")).toBe(vector.session.id);
      expect(session).toMatchObject({ framing: vector.session.framing, resumed: vector.session.resumed });
      expect(session.peer.keyId).toBe(vector.session.server_key_id);
      expect(session.notAfter).toBe(vector.session.client_not_after);
      expect(session.ticket && hex(session.ticket.psk)).toBe(vector.session.ticket?.psk ?? null);
    }
    expect(sent).toEqual(own?.map(({ bytes }) => bytes));
  });

  // The retry token is under a key of the server's own; a vector's token is good for no other process.
  it.each(handshakes.filter(({ messages }) => !messages.some(({ name }) => name === "R")))(
    "server: $name",
    async (vector) => {
      const responder = responderOf(vector, []);
      for (let at = 0; at < vector.messages.length; at += 2) {
        const answer = await responder.handle(unhex(vector.messages[at]?.bytes ?? ""), "");
        expect(hex(answer)).toBe(vector.messages[at + 1]?.bytes);
      }
      if (vector.session === null) return;
      const session = responder.sessions.get(Buffer.from(vector.session.id, "hex").toString("base64url"));
      expect(session.peer?.keyId ?? null).toBe(vector.session.client_key_id);
      expect(session.notAfter).toBe(vector.session.server_not_after);
    },
  );
});

describe("negative.json: handshakes (spec §3) [REQ-VECTORS]", () => {
  const negatives = vectors<NegativeVector>("negative.json");

  it.each(negatives.filter(({ end }) => end === "client"))("$name", async (vector) => {
    const base = named(vector.base);
    const replies = (vector.replies ?? []).map((reply) => messageOf(base, reply));
    expect(await codeOf(() => runClient(base, replies, []))).toBe(vector.expect);
  });

  it.each(negatives.filter(({ end }) => end === "server"))("$name", async (vector) => {
    const base = named(vector.base);
    const refusals: string[] = [];
    const responder = responderOf(base, refusals);
    const messages = (vector.receives ?? []).map((received) => messageOf(base, received));
    const last = messages.pop() ?? new Uint8Array(0);
    for (const message of messages) await responder.handle(message, "");
    expect(refusals).toEqual([]);
    if (vector.alert === undefined) {
      expect(await codeOf(() => responder.handle(last, ""))).toBe(vector.expect);
      if (messages.length < 2) expect(responder.sessions.size).toBe(0);
      return;
    }
    const answer = await responder.handle(last, "");
    expect([answer[0], answer.length]).toEqual([8, 1 + 3 + 1 + 16]);
    expect(refusals).toEqual([vector.expect]);
    expect(responder.sessions.size).toBe(0);
  });
});
