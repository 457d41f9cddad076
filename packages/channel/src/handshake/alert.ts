import { TrustedMcpError, type ErrorAction } from "@trusted-mcp/primitives/error";
import { ChannelError, type ChannelErrorCode } from "../error.ts";
import { trafficKey, type TrafficKey } from "../key-schedule.ts";
import * as message from "./message.ts";
import { openFlight, sealFlight } from "./secrets.ts";

/**
 * Reasons that an authenticated server tells a client whose F2 or F3 it refused (spec §3.7). Sealed
 * under keys of the handshake: nobody else learns or forges them. An unknown key and a bad signature
 * share code 1, or anyone could ask which public keys are on the server's list.
 */
export const ALERTS = {
  1: "the server does not accept this client's identity; its owner has to put this client's public key on the list",
  2: "the client's message is malformed or does not belong to this handshake",
  3: "the server asks for a client identity and none was given",
  4: "the attestation evidence was refused or is missing",
  5: "the resumption ticket is no longer valid",
  6: "the server holds as many sessions as it may",
  7: "the server could not finish the handshake",
} as const;

export type AlertCode = keyof typeof ALERTS;

const BY_ERROR: Partial<Record<ChannelErrorCode, AlertCode>> = {
  ERR_SIGNATURE: 1,
  ERR_FINISHED: 2,
  ERR_MALFORMED: 2,
  ERR_CLIENT_AUTH_REQUIRED: 3,
  ERR_EVIDENCE_MISSING: 4,
  ERR_EVIDENCE_REFUSED: 4,
  ERR_RESUMPTION: 5,
  // After the claim only a ticket is read from a store: one that does not open looks like one that is gone.
  ERR_STORED_STATE: 5,
  ERR_SESSION_LIMIT: 6,
  ERR_PENDING_FULL: 6,
  ERR_EXPIRED: 7,
  ERR_STORE: 7,
};

/** The code of an error of ours; any other error says nothing outside. */
export function codeOf(error: unknown): string {
  if (!(error instanceof TrustedMcpError)) return "ERR_INTERNAL";
  const code: unknown = error.code;
  return String(code);
}

/** Which alert a local error becomes on the wire; `otherwise` says in which step it happened. */
export function alertFor(code: string, otherwise: AlertCode): AlertCode {
  for (const [known, alert] of Object.entries(BY_ERROR)) if (known === code) return alert;
  return otherwise;
}

export function alertText(code: number): string {
  for (const [known, text] of Object.entries(ALERTS)) if (Number(known) === code) return text;
  return "the server gave a reason that this version does not know";
}

/** What a client can do about an alert. */
export function alertAction(code: number): ErrorAction {
  return code === 5 || code === 6 || code === 7 ? "retry" : "fix";
}

/** The server's end: the reason, sealed for the one client that can be on the other end. */
export function sealAlert(code: AlertCode, secret: Uint8Array, transcript: Uint8Array): Uint8Array {
  const clear = message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0));
  return message.encodeFlight(clear, sealFlight(alertKey(secret, transcript), clear, Uint8Array.of(code)));
}

/**
 * The client's end: only a server that this client authenticated can have sealed this refusal.
 *
 * @throws ChannelError ERR_REFUSED_BY_PEER when `answer` is an alert; another one when it is none that counts.
 */
export function refuseAlert(answer: Uint8Array, secret: Uint8Array, transcript: Uint8Array): void {
  if (message.typeOf(answer) !== message.TYPE.ALERT) return;
  const alert = message.parseFlight(message.TYPE.ALERT, answer);
  const key = alertKey(secret, transcript);
  const [code = 0, ...more] = openFlight(key, alert.clear, alert.sealed, "The server's refusal");
  if (more.length > 0) throw new ChannelError("ERR_MALFORMED", "The server's refusal is too long");
  throw new ChannelError("ERR_REFUSED_BY_PEER", `The handshake was refused: ${alertText(code)}`, {
    action: alertAction(code),
  });
}

/** Its key seals nothing else. */
function alertKey(secret: Uint8Array, transcript: Uint8Array): TrafficKey {
  return trafficKey(secret, "alert", [transcript]);
}
