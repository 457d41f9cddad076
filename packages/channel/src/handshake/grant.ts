import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { random, wipe } from "@trusted-mcp/primitives/bytes";
import { collectEvidence, reportData, serverBinder } from "../evidence.ts";
import * as schedule from "../key-schedule.ts";
import type { Evidence, PendingHandshake } from "../ports.ts";
import { ID_BYTES, NONCE_BYTES } from "../suite.ts";
import { hashItems } from "../transcript.ts";
import { verifyAgain } from "./client-auth.ts";
import { secondsLeft } from "./lifetime.ts";
import * as message from "./message.ts";
import { PENDING_MS, tooManyHalfOpen } from "./pending-store.ts";
import type { ClientState, ResponderState } from "./responder-state.ts";
import { sealFlight } from "./secrets.ts";
import { encodeGrant } from "./sealed.ts";
import { openSession } from "./session-opening.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Gives an authenticated client its session, or lets it wait for the client's evidence; makes S2 (spec §3.6). */
export async function grant(
  state: ResponderState,
  pending: PendingHandshake,
  client: ClientState,
  th3: Uint8Array,
  source: string,
): Promise<Uint8Array> {
  const { options, clock, sessions, tickets, waiting } = state;
  const { audience, framing, serverContext } = pending;
  const now = clock.now();
  const notAfter = Math.min(
    now + Math.min(options.lifetimeMs ?? DAY_MS, DAY_MS),
    client.verified?.peer.notAfter ?? Infinity,
    client.ticket?.notAfter ?? Infinity,
    pending.credentialNotAfter,
  );
  const lifetimeSeconds = secondsLeft(notAfter, now);
  const peer = client.verified?.peer ?? null;
  sessions.reserve(peer);
  const master = schedule.masterSecret(pending.handshakeSecret);
  let waits = false;
  try {
    const nonceS2 = random(NONCE_BYTES);
    const sessionId = random(ID_BYTES);
    const ticketId = tickets === null ? null : random(ID_BYTES);
    const evidence = await collect(state, pending, client, master, th3, nonceS2);
    if (evidence !== null) await verifyAgain(state, client, pending);
    const clear = message.encodeFlightClear(message.TYPE.S2, nonceS2);
    const plaintext = encodeGrant({
      sessionId,
      lifetimeSeconds,
      idleSeconds: Math.floor(sessions.idleMs / 1000),
      maxMessageBytes: sessions.maxMessageBytes,
      ticketId,
      evidenceWanted: serverContext !== null,
      evidence,
    });
    const key = schedule.trafficKey(master, "s2", [th3, nonceS2]);
    const s2 = message.encodeFlight(clear, sealFlight(key, clear, plaintext));
    const th4 = hashItems(th3, s2);
    const session = {
      id: sessionId,
      framing,
      peer,
      audience,
      notAfter,
      maxMessageBytes: sessions.maxMessageBytes,
      clock,
      resumed: client.ticket !== null,
    };
    if (serverContext !== null) {
      // No records are accepted until F3 brought evidence that was appraised here.
      const entry = { master, th4, context: serverContext, client, pending, session };
      if (!waiting.put(base64url(sessionId), entry, clock.monotonic() + PENDING_MS)) throw tooManyHalfOpen();
      waits = true;
      return s2;
    }
    const root = schedule.applicationRoot(master, th4, null);
    await openSession(state, { ...session, root, appraisal: null }, client, source);
    if (ticketId !== null) {
      const ticket = {
        psk: schedule.expand(master, "resumption", [th4]),
        // A copy: a view would keep the whole padded flight alive, ten times as much.
        peerCredential: client.credential && new Uint8Array(client.credential),
        audience,
        notAfter,
      };
      const kept = tickets?.put(base64url(ticketId), ticket);
      // A ticket that a store could not take costs a full handshake later, not this one.
      if (kept !== undefined) await kept.catch(() => undefined);
    }
    return s2;
  } finally {
    if (!waits) wipe(master);
  }
}

/** Evidence for the client that asked; only ever over report data computed here (spec §7.2). */
async function collect(
  { evidence: provider }: ResponderState,
  pending: PendingHandshake,
  client: ClientState,
  master: Uint8Array,
  th3: Uint8Array,
  nonceS2: Uint8Array,
): Promise<Evidence | null> {
  const request = pending.clientRequest;
  if (request === null || provider === null) return null;
  if (!request.types.some((type) => provider.types.includes(type))) return null;
  const data = reportData({
    role: "server",
    binder: serverBinder(master, th3, nonceS2, request.context),
    signingSpki: pending.serverSpki,
    ownCredential: pending.serverCredential,
    peerCredential: client.credential,
    audience: pending.audience,
  });
  return await collectEvidence(provider, data, request.types);
}
