import type { AuthInfo } from "@modelcontextprotocol/server";

export interface ServeRequestOptions {
  readonly authInfo?: AuthInfo;
  readonly parsedBody?: unknown;
}

/** What `trusted` wraps: a web-standard handler that can be closed. */
export interface ServeHandler {
  fetch(request: Request, options?: ServeRequestOptions): Promise<Response>;
  close(): Promise<void>;
}

/** Whose request it is, as the channel proved it. */
export interface PeerIdentity {
  /** The pinned name; undefined for a client that proved nothing (`prefer` mode). */
  readonly name: string | undefined;
  /** Never equal for two peers: a name that is given to another key is another peer. */
  readonly key: string;
}

export function peerOf(authInfo: AuthInfo | undefined): PeerIdentity {
  if (authInfo === undefined || authInfo.clientId === "") return { name: undefined, key: "" };
  return { name: authInfo.clientId, key: `${authInfo.clientId}\u0000${keyIdOf(authInfo.extra)}` };
}

function keyIdOf(extra: Record<string, unknown> | undefined): string {
  const trusted = extra?.["trustedMcp"];
  if (!isObject(trusted)) return "";
  const peer = trusted["peer"];
  if (!isObject(peer)) return "";
  const keyId = peer["keyId"];
  return typeof keyId === "string" ? keyId : "";
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
