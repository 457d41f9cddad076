import { encodeRequestHead, parseRequestHeader, Responder } from "@trusted-mcp/channel";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { kemKeyPairFromSeed } from "@trusted-mcp/primitives/kem";
import {
  encodePending,
  encodeTicket,
  parsePending,
  parseTicket,
} from "../../../packages/channel/dist/nodes/handshake-state.js";
import { encodeSession, parseSession } from "../../../packages/channel/dist/nodes/session-state.js";
import { expect, sameBytes } from "../lib/finding.mjs";
import {
  aliceIdentity,
  aliceOnly,
  AUDIENCE,
  fixedBytes,
  NOW,
  StillClock,
  toolsIdentity,
} from "../lib/fixed.mjs";
import { clientFlight, message, PENDING_ID, pendingHandshake, schedule } from "../lib/handshakes.mjs";
import { ROOT, sealRecord, serverSession } from "../lib/sessions.mjs";
import { sealStored, stateSeal, STORE_KEY, TalkativeStore } from "../lib/stored.mjs";
import { bytesOf, tokensOf } from "../lib/text.mjs";

/** Verifiers come in through ports and throw classes of their own, with codes. */
const errors = [TrustedMcpError];
const tokens = tokensOf(AUDIENCE);
const CREDENTIAL = aliceIdentity.current().bytes;
const clock = new StillClock();
const store = new TalkativeStore();

const node = new Responder({
  audiences: [AUDIENCE],
  identity: toolsIdentity,
  clients: aliceOnly,
  clock,
  retryThreshold: Infinity,
  sourceLimit: { burst: Infinity },
  nodes: { store, keys: [STORE_KEY] },
});

function coded(error) {
  if (!(error instanceof TrustedMcpError)) throw error;
}

/** A value as the store gives it: by the first byte, the rest as it is or sealed for its place. */
function given(kind, id, version, input) {
  const [name] = stateSeal.names(kind, id);
  const rest = input.subarray(1);
  const value = input[0] % 2 === 0 ? rest : sealStored(kind, name, version, rest);
  return { value, give: (asked) => (asked === name ? value : undefined) };
}

const asIs = (kind, id, version, plaintext) =>
  Buffer.concat([Uint8Array.of(0), sealStored(kind, stateSeal.names(kind, id)[0], version, plaintext)]);
const inside = (plaintext) => Buffer.concat([Uint8Array.of(1), plaintext]);

/** What was sealed here for its place is not refused. */
const keeps = (kind, id, version, plaintext, skip = 0) => {
  const kept = asIs(kind, id, version, plaintext);
  return (input) =>
    expect(Buffer.compare(input.subarray(skip), kept) !== 0, "refused what was sealed for its place");
};

/** What is accepted as it is was sealed here; what is accepted inside parses. */
function genuine(input, kind, id, version, plaintext, parse) {
  const rest = input.subarray(1);
  if (input[0] % 2 === 1) return parse(rest);
  const kept = asIs(kind, id, version, plaintext).subarray(1);
  sameBytes(rest, kept, "used what nobody sealed for this place");
  return parse(plaintext);
}

const record = sealRecord(Buffer.concat([encodeRequestHead({ method: "POST", headers: [] }), bytesOf("{}")]));
const header = parseRequestHeader(record.header);
const OTHER_ROOT = fixedBytes("another root", 48);
const stateWith = (more = {}, epochs = {}) =>
  encodeSession(
    {
      ...{
        audience: AUDIENCE,
        framing: 1,
        resumed: false,
        notAfter: NOW + 3_600_000,
        credential: CREDENTIAL,
      },
      ...more,
      epochs: { current: { number: 0, root: ROOT }, next: null, old: null, lastRekey: -1, ...epochs },
    },
    NOW,
  );
const STATE = stateWith();

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const SESSION = base64url(header.sessionId);

/** A session that the node meets, or newer keys of one that it has: a genuine record runs once, or not at all. */
function sessionTarget(name, version, known) {
  return {
    name,
    errors,
    tokens,
    refused: keeps("session", SESSION, version, STATE),
    seeds: () => [
      asIs("session", SESSION, version, STATE),
      ...[
        STATE,
        stateWith({ credential: null }),
        stateWith({ notAfter: NOW }),
        stateWith({ audience: "https://other.example/mcp" }),
        stateWith({}, { current: { number: 0, root: OTHER_ROOT } }),
        stateWith({}, { next: OTHER_ROOT }),
        stateWith({}, { current: { number: 1, root: OTHER_ROOT } }),
        stateWith(
          {},
          {
            current: { number: 1, root: OTHER_ROOT },
            old: { number: 0, root: ROOT, leftMs: 5000 },
            lastRekey: 3,
          },
        ),
      ].map(inside),
    ],
    async run(input) {
      const { value, give } = given("session", SESSION, version, input);
      store.gives = {
        session: (asked) => give(asked) && { version, value },
        admit: { verdict: "fresh", version },
      };
      try {
        if (known) {
          const session = serverSession();
          await node.shared.create(session, CREDENTIAL);
          node.sessions.add(session);
        }
        const { opened } = await node.shared.open(record.header, header, record.chunks);
        const again = await node.shared.open(record.header, header, record.chunks).catch(coded);
        return { kind: opened.kind, again: again?.opened.kind };
      } finally {
        node.sessions.clear();
      }
    },
    check(input, { kind, again }) {
      expect(again !== "message", "a record ran twice");
      if (kind !== "message") return;
      const { audience, credential, notAfter, epochs } = genuine(
        ...[input, "session", SESSION, version, STATE],
        (bytes) => parseSession(bytes, NOW),
      );
      const { current, old } = epochs;
      const open = [current, ...(old === null || old.leftMs <= 0 ? [] : [old])].find(
        ({ number }) => number === 0,
      );
      expect(open !== undefined, "a record of an epoch that is over ran");
      if (known) return;
      sameBytes(open.root, ROOT, "a record ran under other keys");
      sameBytes(credential ?? [], CREDENTIAL, "a record ran for somebody else");
      expect(audience === AUDIENCE && notAfter > NOW, "a record ran in a session that is over");
    },
  };
}

const HANDSHAKE = base64url(PENDING_ID);
const PENDING = encodePending(pendingHandshake());
const { f2: F2 } = await clientFlight(aliceIdentity);

/** A half-open handshake that another node began: only what that node kept is answered with S2. */
const pending = {
  name: "node-pending",
  errors,
  tokens,
  refused: keeps("pending", HANDSHAKE, 1, PENDING),
  seeds: () => [
    asIs("pending", HANDSHAKE, 1, PENDING),
    ...[{}, { framing: 3 }, { credentialNotAfter: NOW }, { audience: "a" }, { serverSignature: null }].map(
      (more) => inside(encodePending({ ...pendingHandshake(), ...more })),
    ),
    inside(encodePending(pendingHandshake({ ticketId: fixedBytes("ticket", 16) }))),
  ],
  async run(input) {
    const { give } = given("pending", HANDSHAKE, 1, input);
    store.gives = { get: give, take: give };
    try {
      const [type] = await node.handle(F2, "192.0.2.1");
      return { type, opened: node.sessions.size };
    } finally {
      node.sessions.clear();
    }
  },
  check(input, { type, opened }) {
    const parse = (bytes) => parsePending(bytes, Infinity);
    const state = genuine(input, "pending", HANDSHAKE, 1, PENDING, parse);
    if (type !== message.TYPE.S2) {
      expect(type === message.TYPE.ALERT && opened === 0, "a session without S2");
      return;
    }
    expect(opened === (state.framing === 3 ? 0 : 1), "S2 without a session");
    expect(state.credentialNotAfter >= NOW + 1000, "a session outlasts the server's credential");
    const { framing, credentialNotAfter } = parse(PENDING);
    sameBytes(
      encodePending({ ...state, framing, credentialNotAfter }),
      PENDING,
      "another handshake was answered",
    );
  },
};

const TICKET_ID = fixedBytes("ticket", 16);
const TICKET = {
  psk: fixedBytes("psk", 48),
  peerCredential: CREDENTIAL,
  audience: AUDIENCE,
  notAfter: NOW + 3_600_000,
};
const RESUMING = sealStored(
  ...["pending", stateSeal.names("pending", HANDSHAKE)[0], 1],
  encodePending(pendingHandshake({ ticketId: TICKET_ID })),
);
const { f2: RESUMING_F2 } = await clientFlight(null);
const F1 = resumingF1();

function resumingF1() {
  const core = message.encodeF1Core({
    ...{ versions: [1], suites: [1], framings: [2, 1], mode: 2, audience: AUDIENCE },
    nonce: fixedBytes("nonce c", 32),
    kemPublicKey: kemKeyPairFromSeed(fixedBytes("kem", 32)).publicKey,
    credentialTypes: [1, 2],
    evidenceRequest: null,
    ticketId: TICKET_ID,
  });
  return message.encodeF1(core, schedule.pskBinder(schedule.earlySecret(TICKET.psk), core), null);
}

/** A ticket, asked for at F1 (second byte odd) and taken at F2. */
const ticket = {
  name: "node-ticket",
  errors,
  tokens,
  refused: keeps("ticket", base64url(TICKET_ID), 1, encodeTicket(TICKET), 1),
  seeds: () =>
    [
      asIs("ticket", base64url(TICKET_ID), 1, encodeTicket(TICKET)),
      ...[
        {},
        { peerCredential: null },
        { audience: "a" },
        { notAfter: NOW },
        { psk: new Uint8Array(48) },
      ].map((more) => inside(encodeTicket({ ...TICKET, ...more }))),
    ].flatMap((seed) => [0, 1].map((flight) => Buffer.concat([Uint8Array.of(flight), seed]))),
  async run(input) {
    const { give } = given("ticket", base64url(TICKET_ID), 1, input.subarray(1));
    const handshake = stateSeal.names("pending", HANDSHAKE)[0];
    const all = (name) => (name === handshake ? RESUMING : give(name));
    store.gives = { get: all, take: all };
    try {
      const [type] = await node.handle(input[0] % 2 === 0 ? RESUMING_F2 : F1, "192.0.2.1");
      return { type, opened: node.sessions.size };
    } finally {
      node.sessions.clear();
    }
  },
  check(input, { type, opened }) {
    if (type === message.TYPE.ALERT) {
      expect(opened === 0, "a session without S2");
      return;
    }
    const state = genuine(
      input.subarray(1),
      "ticket",
      base64url(TICKET_ID),
      1,
      encodeTicket(TICKET),
      parseTicket,
    );
    expect(state.notAfter > NOW, "a ticket resumed after its end");
    expect(state.peerCredential !== null, "an anonymous client's ticket resumed");
    if (type === message.TYPE.S2) {
      sameBytes(state.peerCredential, CREDENTIAL, "a ticket without an accepted credential resumed");
      expect(opened === 1 && input[0] % 2 === 0, "S2 without a session");
      return;
    }
    expect(type === message.TYPE.S1 && input[0] % 2 === 1, "answered with another message");
    sameBytes(state.psk, TICKET.psk, "a ticket resumed that the client did not prove");
    expect(state.audience === AUDIENCE, "a ticket resumed for another audience");
  },
};

export const targets = [
  sessionTarget("node-session", 1, false),
  sessionTarget("node-epochs", 2, true),
  pending,
  ticket,
];
