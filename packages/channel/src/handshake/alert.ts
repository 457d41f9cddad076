import { TrustedMcpError, type ErrorAction } from "@trusted-mcp/primitives/error";
import type { ChannelErrorCode } from "../error.ts";

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
