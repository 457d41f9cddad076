import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { wipe } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";
import { appraiseEvidence, clientBinder, reportData } from "../evidence.ts";
import * as schedule from "../key-schedule.ts";
import { alertFor, codeOf, sealAlert } from "./alert.ts";
import { verifyAgain } from "./client-auth.ts";
import { refused } from "./handshake-event.ts";
import { secondsLeft } from "./lifetime.ts";
import * as message from "./message.ts";
import type { ResponderState } from "./responder-state.ts";
import { openFlight, sealFlight } from "./secrets.ts";
import { encodeAcceptance, evidenceItem, parseEvidenceSealed } from "./sealed.ts";
import { openSession } from "./session-opening.ts";

/** Appraises the client's evidence and answers F3 with S3, or with an alert (spec §3.8). */
export async function answerThirdFlight(
  state: ResponderState,
  bytes: Uint8Array,
  source: string,
): Promise<Uint8Array> {
  const { clock, options } = state;
  const { appraiser } = options;
  const f3 = message.parseFlight(message.TYPE.F3, bytes);
  const id = base64url(f3.id);
  const waiting = state.waiting.get(id);
  if (waiting === undefined || appraiser === undefined) {
    throw new ChannelError("ERR_PENDING_UNKNOWN", "No session waits for evidence under this id");
  }
  const { master, th4, client, pending, session } = waiting;
  const plaintext = openFlight(schedule.trafficKey(master, "f3", [th4]), f3.clear, f3.sealed, "F3");
  if (!state.waiting.claim(id))
    throw new ChannelError("ERR_PENDING_UNKNOWN", "This evidence was already taken");
  try {
    const evidence = parseEvidenceSealed(plaintext);
    const expected = reportData({
      role: "client",
      binder: clientBinder(master, th4, waiting.context),
      signingSpki: client.verified?.spki ?? null,
      ownCredential: client.credential,
      peerCredential: pending.serverCredential,
      audience: pending.audience,
    });
    const appraisal = await appraiseEvidence(appraiser, evidence, {
      reportData: expected,
      role: "client",
      audience: pending.audience,
      now: clock.now(),
    });
    await verifyAgain(state, client, pending);
    const root = schedule.applicationRoot(master, th4, evidenceItem(evidence));
    const notAfter = Math.min(session.notAfter, appraisal.notAfter ?? Infinity);
    const accepted = encodeAcceptance(secondsLeft(notAfter, clock.now()));
    await openSession(state, { ...session, notAfter, root, appraisal }, client, source);
    const clear = message.encodeFlightClear(message.TYPE.S3, new Uint8Array(0));
    return message.encodeFlight(clear, sealFlight(schedule.trafficKey(root, "s3", []), clear, accepted));
  } catch (error) {
    options.onHandshake?.(refused(error, source));
    return sealAlert(alertFor(codeOf(error), 1), master, th4);
  } finally {
    wipe(master);
  }
}
