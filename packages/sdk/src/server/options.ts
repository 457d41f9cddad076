import type {
  CredentialSource,
  CredentialVerifier,
  EvidenceAppraiser,
  EvidenceProvider,
  HandshakeEvent,
  SessionLimits,
  SourceLimitOptions,
} from "@trusted-mcp/channel";
import { Responder } from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import { warner } from "./warn.ts";

export interface TrustedServerOptions {
  /** This server's identity, from `@trusted-mcp/identity`. */
  readonly identity: CredentialSource;
  /** The clients that may call, from `pinnedPeers([...])`. */
  readonly clients: CredentialVerifier;
  /** The names clients know this server by: its URL as they type it, one or several. */
  readonly audience: string | readonly string[];
  /** `require` (default) refuses plaintext; `prefer` also serves plain MCP, with no `authInfo`. */
  readonly mode?: "require" | "prefer";
  /** `optional` admits clients without an identity. Default `required`. */
  readonly clientAuth?: "required" | "optional";
  readonly limits?: SessionLimits;
  readonly handshakeLimit?: SourceLimitOptions;
  readonly evidence?: EvidenceProvider;
  readonly appraiser?: EvidenceAppraiser;
  /** Longest channel session in ms; default and maximum 24 h. */
  readonly lifetimeMs?: number;
  /** How long a request body may take to arrive, in ms. Default 30 s. */
  readonly bodyTimeoutMs?: number;
  /** Hears of every handshake, accepted or refused. Default: refusals become process warnings. */
  readonly onHandshake?: (event: HandshakeEvent) => void;
  /** Hears of refused records and failed handlers. Default: process warnings with code and reason. */
  readonly onerror?: (error: unknown) => void;
}

export function audiencesOf(options: TrustedServerOptions): readonly string[] {
  const { audience } = options;
  const audiences = typeof audience === "string" ? [audience] : audience;
  if (audiences.length === 0) {
    throw new TrustedSdkError(
      "ERR_CONFIGURATION",
      "A trusted server needs at least one audience: the URL that clients use",
      {
        action: "fix",
      },
    );
  }
  return audiences;
}

export function responderFor(options: TrustedServerOptions): Responder {
  const { identity, clients, clientAuth, limits, evidence, appraiser, lifetimeMs } = options;
  const onHandshake = options.onHandshake ?? warnOfRefusals();
  return new Responder({
    audiences: audiencesOf(options),
    identity,
    clients,
    ...(clientAuth && { clientAuth }),
    ...(limits && { limits }),
    ...(options.handshakeLimit && { sourceLimit: options.handshakeLimit }),
    ...(evidence && { evidence }),
    ...(appraiser && { appraiser }),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
    onHandshake,
  });
}

function warnOfRefusals(): (event: HandshakeEvent) => void {
  const warn = warner();
  return (event) => {
    if (event.outcome === "refused") warn(event.code, `A handshake was refused: ${event.reason}`);
  };
}
