import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { wipe } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";
import * as schedule from "../key-schedule.ts";
import type { PendingHandshake } from "../ports.ts";
import { hashItems } from "../transcript.ts";
import { alertFor, codeOf, sealAlert, type AlertCode } from "./alert.ts";
import { authenticateClient } from "./client-auth.ts";
import { grant } from "./grant.ts";
import { refused } from "./handshake-event.ts";
import * as message from "./message.ts";
import type { ResponderState } from "./responder-state.ts";
import { openFlight } from "./secrets.ts";
import { parseClientSealed } from "./sealed.ts";

/** Answers F2 with S2, or with an alert once the client proved that it belongs to the handshake (spec §3.5). */
export async function answerSecondFlight(
  state: ResponderState,
  bytes: Uint8Array,
  source: string,
): Promise<Uint8Array> {
  const f2 = message.parseFlight(message.TYPE.F2, bytes);
  const id = base64url(f2.id);
  const pending = await state.pending.get(id);
  // A store may hold what another server, with other names, put there.
  if (pending === undefined || !state.options.audiences.includes(pending.audience))
    throw new ChannelError("ERR_PENDING_UNKNOWN", "No handshake is open under this id");
  const { handshakeSecret, transcript0 } = pending;
  const key = schedule.trafficKey(handshakeSecret, "hs client", [transcript0]);
  const plaintext = openFlight(key, f2.clear, f2.sealed, "F2");
  // The flight is genuine. Claim before checking signatures: one F2 gives at most one session.
  if (!(await state.pending.claim(id))) {
    if (state.pending.copies === true) wipe(handshakeSecret);
    throw new ChannelError("ERR_PENDING_UNKNOWN", "This handshake was already claimed");
  }
  try {
    return await answerClaimed(state, pending, f2, plaintext, source);
  } finally {
    wipe(handshakeSecret);
  }
}

async function answerClaimed(
  state: ResponderState,
  pending: PendingHandshake,
  f2: message.Flight,
  plaintext: Uint8Array,
  source: string,
): Promise<Uint8Array> {
  const auth = parseClientSealed(plaintext);
  const th2 = hashItems(
    pending.transcript1,
    pending.serverSignature,
    pending.serverFinished,
    f2.clear,
    auth.credential,
  );
  const th3 = hashItems(th2, auth.signature, auth.finished);
  let step: AlertCode = 1;
  try {
    const client = await authenticateClient(state, pending, auth, th2);
    step = 7;
    return await grant(state, pending, client, th3, source);
  } catch (error) {
    state.options.onHandshake?.(refused(error, source));
    return sealAlert(alertFor(codeOf(error), step), pending.handshakeSecret, th3);
  }
}
