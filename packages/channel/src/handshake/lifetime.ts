import { ChannelError } from "../error.ts";

/** Whole seconds until `notAfter`; anything that is not at least one, NaN included, ends the handshake. */
export function secondsLeft(notAfter: number, now: number): number {
  const seconds = Math.floor((notAfter - now) / 1000);
  if (seconds >= 1) return seconds;
  throw new ChannelError("ERR_EXPIRED", "A credential or the evidence has expired", { action: "fix" });
}
