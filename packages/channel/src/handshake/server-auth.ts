import { equal } from "@trusted-mcp/primitives/bytes";
import { ChannelError } from "../error.ts";
import * as schedule from "../key-schedule.ts";
import type { CredentialVerifier, VerifiedCredential } from "../ports.ts";
import { SUITE_XWING_AES256GCM_SHA384, VERSION_1 } from "../suite.ts";
import { hashItems, signatureInput } from "../transcript.ts";
import type { S1 } from "./message.ts";
import { openFlight } from "./secrets.ts";
import { parseParams, parseServerSealed, type Authentication, type ServerParams } from "./sealed.ts";
import type { ResumptionTicket } from "./ticket.ts";

/** A server that has proved its identity. */
export interface ServerState {
  readonly params: ServerParams;
  readonly auth: Authentication;
  readonly th1: Uint8Array;
  readonly verified: VerifiedCredential;
  readonly credential: Uint8Array;
}

/** Whom the client means to reach. */
interface Expected {
  readonly verifier: CredentialVerifier;
  readonly audience: string;
  readonly now: number;
  /** Not null in resumption mode, where the credential that the server once showed takes the place of one. */
  readonly ticket: ResumptionTicket | null;
}

/** Before anything is decapsulated or opened: the server chose from what was offered. */
export function checkChoice(s1: S1, framings: readonly number[]): void {
  if (s1.version !== VERSION_1)
    throw new ChannelError("ERR_VERSION", "The server chose a version that was not offered");
  if (s1.suite !== SUITE_XWING_AES256GCM_SHA384) {
    throw new ChannelError("ERR_SUITE", "The server chose a suite that was not offered");
  }
  if (!framings.includes(s1.framing))
    throw new ChannelError("ERR_FRAMING", "The server chose a framing that was not offered");
}

/** Verifies the server before anything about this client is said (spec §3.4). */
export async function authenticateServer(
  { verifier, audience, now, ticket }: Expected,
  s1: S1,
  handshake: Uint8Array,
  th0: Uint8Array,
): Promise<ServerState> {
  const key = schedule.trafficKey(handshake, "hs server", [th0]);
  const { params: paramBytes, auth } = parseServerSealed(openFlight(key, s1.clear, s1.sealed, "S1"));
  const params = parseParams(paramBytes);
  if (!params.versions.includes(s1.version) || !params.suites.includes(s1.suite)) {
    throw new ChannelError(
      "ERR_VERSION",
      "The server's signed parameters do not contain the version it chose",
    );
  }
  const th1 = hashItems(th0, paramBytes, auth.credential);
  const expected = schedule.finished(handshake, "server", th0, hashItems(th1, auth.signature));
  const credential = ticket?.serverCredential ?? auth.credential;
  if (credential === null || (ticket !== null) !== (auth.credential === null)) {
    throw new ChannelError(
      "ERR_SIGNATURE",
      "The server did not prove its identity in the way that was asked for",
    );
  }
  const verified = await verifier.verify(credential, { role: "server", audience, now });
  // Nothing but `true` counts: some verifiers answer with a promise, which by itself is truthy.
  if (
    auth.signature !== null &&
    (await verified.verify(signatureInput("server", th1), auth.signature)) !== true
  ) {
    throw new ChannelError("ERR_SIGNATURE", "The server's signature over this handshake does not verify");
  }
  if (!equal(expected, auth.finished)) {
    throw new ChannelError("ERR_FINISHED", "The server's Finished does not match what this client saw");
  }
  return { params, auth, th1, verified, credential };
}
