import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { equal, wipe } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";
import * as schedule from "../key-schedule.ts";
import type { PendingHandshake } from "../ports.ts";
import { hashItems, signatureInput } from "../transcript.ts";
import type { ClientState, ResponderState } from "./responder-state.ts";
import type { Authentication } from "./sealed.ts";

/** Who the client is, by what its claimed F2 proves (spec §3.6). */
export async function authenticateClient(
  { options, clock, tickets }: ResponderState,
  pending: PendingHandshake,
  auth: Authentication,
  th2: Uint8Array,
): Promise<ClientState> {
  const before = hashItems(th2, auth.signature);
  const expected = schedule.finished(pending.handshakeSecret, "client", pending.transcript0, before);
  if (!equal(expected, auth.finished))
    throw new ChannelError("ERR_FINISHED", "The client's Finished does not match");
  const context = { role: "client", audience: pending.audience, now: clock.now() } as const;
  if (pending.ticketId !== null) {
    if (auth.credential !== null)
      throw new ChannelError("ERR_RESUMPTION", "A resumption carries no credential");
    const ticket = await tickets?.take(base64url(pending.ticketId));
    if (ticket === undefined)
      throw new ChannelError("ERR_RESUMPTION", "The ticket was used by another handshake");
    wipe(ticket.psk);
    if (ticket.peerCredential === null) {
      if (options.clientAuth === "optional") return { verified: null, credential: null, ticket };
      // F1 may have been answered by a node that admits anonymous clients.
      throw new ChannelError("ERR_RESUMPTION", "An anonymous client's ticket resumes nothing here");
    }
    // Verified again: a key removed from the allow list, or expired, ends resumption too.
    const verified = await options.clients.verify(ticket.peerCredential, context);
    return { verified, credential: ticket.peerCredential, ticket };
  }
  if (auth.credential === null || auth.signature === null) {
    if (options.clientAuth === "optional") return { verified: null, credential: null, ticket: null };
    throw new ChannelError("ERR_CLIENT_AUTH_REQUIRED", "The client gave no identity");
  }
  const verified = await options.clients.verify(auth.credential, context);
  // Nothing but `true` counts: some verifiers answer with a promise, which by itself is truthy.
  if ((await verified.verify(signatureInput("client", th2), auth.signature)) !== true) {
    throw new ChannelError("ERR_SIGNATURE", "The client's signature over this handshake does not verify");
  }
  return { verified, credential: auth.credential, ticket: null };
}

/** Evidence and stores take a while: a key removed from the list meanwhile opens no session. */
export async function verifyAgain(
  { options, clock }: ResponderState,
  { credential }: ClientState,
  { audience }: { readonly audience: string },
): Promise<void> {
  if (credential === null) return;
  await options.clients.verify(credential, { role: "client", audience, now: clock.now() });
}
