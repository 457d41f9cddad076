import {
  SUITE_NAME,
  SUITE_XWING_AES256GCM_SHA384,
  type AppraisalResult,
  type Peer,
  type ResponderSession,
} from "@trusted-mcp/channel";
import type { AuthInfo } from "@trusted-mcp/http/web-handler";

/** What tools find under `ctx.http.authInfo.extra.trustedMcp`. */
export interface TrustedMcpInfo {
  readonly peer: Peer;
  /** The channel session, not the MCP session. */
  readonly session: string;
  readonly suite: string;
  readonly appraisal: AppraisalResult | null;
}

/**
 * The verified peer in the MCP SDK's terms; undefined for an anonymous client. `token` is empty: no
 * OAuth token was verified here, and an unverified one must not look as if it had been.
 */
export function authInfoOf(
  session: Pick<ResponderSession, "peer" | "id" | "appraisal">,
): AuthInfo | undefined {
  const { peer } = session;
  if (peer === null) return undefined;
  const trustedMcp: TrustedMcpInfo = {
    peer,
    session: session.id,
    suite: SUITE_NAME[SUITE_XWING_AES256GCM_SHA384] ?? "",
    appraisal: session.appraisal,
  };
  return { token: "", clientId: peer.name, scopes: [], extra: { trustedMcp } };
}
