import type { ChannelErrorCode } from "../error.ts";

/**
 * Reasons that an authenticated server tells a client whose second flight it refused (spec §3.7).
 * Sealed under the handshake secret: nobody else learns or forges them.
 */
export const ALERTS = {
  1: "the server does not accept this client's identity",
  2: "the client's signature or Finished did not verify",
  3: "the server asks for a client identity and none was given",
  4: "the attestation evidence was refused or is missing",
  5: "the resumption ticket is no longer valid",
  6: "the server holds as many sessions as it may",
  7: "the server could not finish the handshake",
} as const;

export type AlertCode = keyof typeof ALERTS;

const BY_ERROR: Partial<Record<ChannelErrorCode, AlertCode>> = {
  ERR_SIGNATURE: 2,
  ERR_FINISHED: 2,
  ERR_MALFORMED: 2,
  ERR_CLIENT_AUTH_REQUIRED: 3,
  ERR_EVIDENCE_MISSING: 4,
  ERR_EVIDENCE_REFUSED: 4,
  ERR_EVIDENCE_UNAVAILABLE: 4,
  ERR_RESUMPTION: 5,
  ERR_SESSION_LIMIT: 6,
};

/** Which alert a local error becomes on the wire; anything about the credential itself is 1. */
export function alertFor(code: string): AlertCode {
  for (const [known, alert] of Object.entries(BY_ERROR)) if (known === code) return alert;
  return code.startsWith("ERR_PEER_") ||
    code.startsWith("ERR_CREDENTIAL") ||
    code.startsWith("ERR_DELEGATION")
    ? 1
    : 7;
}

export function alertText(code: number): string {
  for (const [known, text] of Object.entries(ALERTS)) if (Number(known) === code) return text;
  return "the server gave a reason that this version does not know";
}
