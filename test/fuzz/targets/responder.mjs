import { Responder } from "@trusted-mcp/channel";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { kemKeyPairFromSeed } from "@trusted-mcp/primitives/kem";
import { expect, sameBytes } from "../lib/finding.mjs";
import {
  alice,
  aliceIdentity,
  aliceOnly,
  AUDIENCE,
  fixedBytes,
  StillClock,
  toolsIdentity,
} from "../lib/fixed.mjs";
import {
  clientFlight,
  message,
  OnePending,
  openFlight,
  pendingHandshake,
  schedule,
  sealed,
  sealFlight,
} from "../lib/handshakes.mjs";
import { hashItems } from "../../../packages/channel/dist/transcript.js";

/** Verifiers and signers come in through ports and throw classes of their own, with codes. */
const errors = [TrustedMcpError];
const SOURCE = "192.0.2.1";
const clock = new StillClock();
const TICKET = { id: fixedBytes("ticket id", 16), psk: fixedBytes("psk", 48) };

function responderWith(options) {
  return new Responder({
    audiences: [AUDIENCE],
    identity: toolsIdentity,
    clients: aliceOnly,
    clock,
    framings: [2, 1],
    retryThreshold: Infinity,
    sourceLimit: { burst: Infinity },
    limits: { maxSessions: 8 },
    ...options,
  });
}

const tickets = {
  put: () => undefined,
  get: (id) =>
    id === Buffer.from(TICKET.id).toString("base64url")
      ? {
          psk: Uint8Array.from(TICKET.psk),
          peerCredential: aliceIdentity.current().bytes,
          audience: AUDIENCE,
          notAfter: Infinity,
        }
      : undefined,
  take: (id) => tickets.get(id),
};

const KEM = kemKeyPairFromSeed(fixedBytes("kem", 32)).publicKey;

function f1Core(resumption) {
  return message.encodeF1Core({
    ...{ versions: [1], suites: [1], framings: [2, 1], mode: resumption ? 2 : 1, audience: AUDIENCE },
    nonce: fixedBytes("nonce c", 32),
    kemPublicKey: KEM,
    credentialTypes: [1, 2],
    evidenceRequest: { types: ["sample"], context: fixedBytes("context", 32) },
    ticketId: resumption ? TICKET.id : null,
  });
}

/** First flights. An even first byte: the rest as it is. Odd: the rest is the core, its binder is made to fit. */
const first = {
  name: "responder-f1",
  errors,
  inflateOneIn: 500,
  seeds: () => [
    Buffer.concat([Uint8Array.of(0), message.encodeF1(f1Core(false), null, null)]),
    Buffer.concat([Uint8Array.of(1), f1Core(true)]),
  ],
  responder: responderWith({ pending: new OnePending(pendingHandshake), tickets }),
  async run(input) {
    const rest = input.subarray(1);
    const binder = () => schedule.pskBinder(schedule.earlySecret(TICKET.psk), rest);
    const f1 = (input[0] ?? 0) % 2 === 0 ? rest : message.encodeF1(rest, binder(), null);
    return await first.responder.handle(f1, SOURCE);
  },
  check(input, answer) {
    const s1 = message.parseS1(answer);
    const { framings, audience } = message.parseF1(
      input[0] % 2 === 0 ? input.subarray(1) : message.encodeF1(input.subarray(1), new Uint8Array(48), null),
    );
    expect(framings.includes(s1.framing), "chose a framing that was not offered");
    expect(audience === AUDIENCE, "answered for another audience");
  },
};

/**
 * Second flights to a handshake that waits for them. First byte 0: the rest as it is; 1: the rest is sealed
 * as F2's plaintext; 2: the rest is a credential, with a signature and a Finished that fit it; 3: the rest is a
 * signature, with a Finished that fits it.
 */
const CHANGED = [undefined, "plaintext", "credential", "signature"];
const pending = new OnePending(pendingHandshake);
const second = {
  name: "responder-f2",
  errors,
  responder: responderWith({ pending }),
  seeds: () => [
    Buffer.concat([Uint8Array.of(0), genuine.f2]),
    Buffer.concat([Uint8Array.of(1), genuine.content]),
    Buffer.concat([Uint8Array.of(2), aliceIdentity.current().bytes]),
    Buffer.concat([Uint8Array.of(3), genuine.signature]),
    Buffer.concat([
      Uint8Array.of(1),
      sealed.encodeClientSealed({ credential: null, signature: null, finished: new Uint8Array(48) }),
    ]),
  ],
  async run(input) {
    pending.reset();
    const rest = input.subarray(1);
    const changed = CHANGED[(input[0] ?? 0) % CHANGED.length];
    const made =
      changed === undefined ? { f2: rest } : await clientFlight(aliceIdentity, { [changed]: rest });
    const before = second.responder.sessions.size;
    const answer = await second.responder.handle(made.f2, SOURCE);
    const opened = second.responder.sessions.size - before;
    second.responder.sessions.clear();
    return { answer, opened };
  },
  check(input, { answer, opened }) {
    const rest = input.subarray(1);
    const mode = input[0] % CHANGED.length;
    const session = answer[0] === message.TYPE.S2;
    expect(opened === (session ? 1 : 0), "a session without S2, or S2 without a session");
    if (!session) return expect(answer[0] === message.TYPE.ALERT, "answered with another message");
    if (mode === 0) sameBytes(rest, genuine.f2, "a changed F2 opened a session");
    if (mode === 1) sameBytes(rest, genuine.content, "a changed plaintext opened a session");
    if (mode === 2) sameBytes(rest, aliceIdentity.current().bytes, "another credential opened a session");
    // Ed25519 is deterministic, so that one signature is right.
    if (mode === 3) sameBytes(rest, genuine.signature, "another signature opened a session");
  },
};
const genuine = await clientFlight(aliceIdentity);

/** Third flights with evidence. First byte 0: the rest is F3 as it is; 1: the rest is sealed as its plaintext. */
const appraiser = { types: ["sample"], appraise: () => Promise.resolve({ status: "affirming" }) };
const waiting = new OnePending(() => pendingHandshake({ appraises: true }));
const third = {
  name: "responder-f3",
  errors,
  responder: responderWith({ pending: waiting, appraiser }),
  seeds: () => [
    Buffer.concat([Uint8Array.of(1), sealed.encodeEvidenceSealed({ type: "sample", bytes: alice.spki })]),
    Buffer.concat([Uint8Array.of(1), sealed.encodeEvidenceSealed(null)]),
    Buffer.concat([
      Uint8Array.of(0),
      message.encodeFlight(message.encodeFlightClear(6, new Uint8Array(16)), alice.spki),
    ]),
  ],
  async run(input) {
    waiting.reset();
    const { f2, th3, master } = await clientFlight(aliceIdentity);
    const answer = await third.responder.handle(f2, SOURCE);
    const s2 = message.parseFlight(message.TYPE.S2, answer);
    const grant = sealed.parseGrant(
      openFlight(schedule.trafficKey(master, "s2", [th3, s2.id]), s2.clear, s2.sealed, "S2"),
    );
    expect(third.responder.sessions.size === 0, "a session opened without evidence");
    const clear = message.encodeFlightClear(message.TYPE.F3, grant.sessionId);
    const key = schedule.trafficKey(master, "f3", [hashItems(th3, answer)]);
    const rest = input.subarray(1);
    const f3 = (input[0] ?? 0) % 2 === 0 ? rest : message.encodeFlight(clear, sealFlight(key, clear, rest));
    try {
      const s3 = await third.responder.handle(f3, SOURCE);
      return { type: s3[0], opened: third.responder.sessions.size };
    } finally {
      third.responder.sessions.clear();
      // What still waits is too old for the next one.
      clock.advance(60_000);
      clock.reset();
    }
  },
  check(input, { type, opened }) {
    expect(opened === (type === message.TYPE.S3 ? 1 : 0), "a session without S3, or S3 without a session");
    expect(type !== message.TYPE.S3 || input[0] % 2 === 1, "an F3 that nobody sealed opened a session");
  },
};

export const targets = [first, second, third];
