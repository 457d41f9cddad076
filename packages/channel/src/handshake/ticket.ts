import { ChannelError } from "../error.ts";
import { HASH_BYTES } from "../suite.ts";

/** A ticket as the initiator keeps it: what the next handshake with this server may start from. */
export interface ResumptionTicket {
  readonly id: Uint8Array;
  /** 48 bytes; `initiate` overwrites them, for a ticket serves one handshake. */
  readonly psk: Uint8Array;
  readonly audience: string;
  /** ms since the epoch; never later than the original session's end. */
  readonly notAfter: number;
  readonly serverCredential: Uint8Array;
}

/** A spent ticket holds zeros, which anybody knows: with them anybody could play the server. */
export function checkTicket(ticket: ResumptionTicket, audience: string, now: number): void {
  const spent = ticket.psk.length !== HASH_BYTES || ticket.psk.every((byte) => byte === 0);
  if (!spent && ticket.audience === audience && ticket.notAfter > now) return;
  throw new ChannelError("ERR_RESUMPTION", "The ticket was used, has expired or is for another server", {
    action: "retry",
  });
}
