import {
  SUITE_NAME,
  SUITE_XWING_AES256GCM_SHA384,
  type AppraisalResult,
  type InitiatorSession,
  type Peer,
} from "@trusted-mcp/channel";

/** Who is at the other end, as this client verified it. */
export interface ChannelInfo {
  readonly peer: Peer;
  /** The channel session's id, not the MCP session's. */
  readonly session: string;
  readonly suite: string;
  readonly framing: "json" | "binary";
  /** ms since the epoch. */
  readonly notAfter: number;
  readonly resumed: boolean;
  readonly epoch: number;
  readonly appraisal: AppraisalResult | null;
}

export function infoOf(session: InitiatorSession): ChannelInfo {
  return {
    peer: session.peer,
    session: session.id,
    suite: SUITE_NAME[SUITE_XWING_AES256GCM_SHA384] ?? "",
    framing: session.framing === 2 ? "binary" : "json",
    notAfter: session.notAfter,
    resumed: session.resumed,
    epoch: session.epoch,
    appraisal: session.appraisal,
  };
}
