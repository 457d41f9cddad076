import { createMcpHandler, type AuthInfo } from "@modelcontextprotocol/server";
import type { ResponderSession } from "@trusted-mcp/channel";
import { authInfoOf } from "./auth-info.ts";
import type { Definitions } from "./definitions.ts";
import type { InnerHandler, InnerResponse } from "./inner.ts";
import { laneMessage, type LaneMessage } from "./lane-message.ts";
import { Lane } from "./lane.ts";
import { behindChannel } from "./web-handler.ts";

const ACCEPTED: InnerResponse = { status: 202, headers: [], body: new Uint8Array(0) };

/** The lanes of one channel session: at most one for each era. */
interface SessionLanes {
  readonly version: number;
  readonly lanes: Map<string, Promise<Lane>>;
}

/** Everyday messages go straight into a lane; everything else takes the SDK's own HTTP entry. */
export function direct(definitions: Definitions, onerror?: (error: unknown) => void): InnerHandler {
  const handler = createMcpHandler(() => definitions.server(), { ...(onerror && { onerror }) });
  const general = behindChannel(handler);
  const sessions = new WeakMap<ResponderSession, SessionLanes>();

  const laneFor = (session: ResponderSession, { classification }: LaneMessage): Promise<Lane> => {
    let own = sessions.get(session);
    if (own?.version !== definitions.version) {
      own = { version: definitions.version, lanes: new Map() };
      sessions.set(session, own);
    }
    const era = classification?.revision ?? "legacy";
    const existing = own.lanes.get(era);
    if (existing !== undefined) return existing;
    const opened = open(definitions, authInfoOf(session), classification);
    own.lanes.set(era, opened);
    return opened;
  };

  return async (inner) => {
    const taken = laneMessage(inner);
    if (taken === null || definitions.needsHttp(taken)) return await general(inner);
    const { message } = taken;
    const lane = await laneFor(inner.session, taken);
    if ("method" in message && "id" in message)
      return (await lane.request(message, inner.departure)) ?? (await general(inner));
    lane.accept(message);
    return ACCEPTED;
  };
}

async function open(
  definitions: Definitions,
  authInfo: AuthInfo | undefined,
  classification: LaneMessage["classification"],
): Promise<Lane> {
  const lane = new Lane(authInfo, classification);
  await lane.connect(definitions.server(classification?.revision));
  return lane;
}
