import type { SharedSessions } from "../nodes/shared-sessions.ts";
import { PushSession } from "../session/push-session.ts";
import { ResponderSession, type ResponderSessionState } from "../session/responder-session.ts";
import { FRAMING_LINES } from "../suite.ts";
import { verifyAgain } from "./client-auth.ts";
import type { ClientState, ResponderState } from "./responder-state.ts";

/** Opens a session where it belongs: with its pipe, in the table here, or in the store that nodes share. */
export async function openSession(
  state: ResponderState,
  session: ResponderSessionState,
  client: ClientState,
  source: string,
): Promise<void> {
  const { options, sessions, shared } = state;
  if (session.framing === FRAMING_LINES) {
    const bound = session.maxMessageBytes;
    const pipe = { ...session, role: "server", maxSendBytes: Infinity, maxReceiveBytes: bound } as const;
    options.onPipe?.(new PushSession(pipe));
  } else if (shared === null) {
    sessions.add(new ResponderSession(session));
  } else {
    sessions.add(await share(state, shared, session, client));
  }
  const { peer, resumed } = session;
  options.onHandshake?.({ outcome: "accepted", peer, resumed, source });
}

/** The store takes a while too: a key removed meanwhile, and its sessions ended, leaves none open. */
async function share(
  state: ResponderState,
  shared: SharedSessions,
  fields: ResponderSessionState,
  client: ClientState,
): Promise<ResponderSession> {
  const session = new ResponderSession(fields);
  await shared.create(session, client.credential);
  try {
    await verifyAgain(state, client, fields);
  } catch (error) {
    await shared.end(session);
    throw error;
  }
  return session;
}
