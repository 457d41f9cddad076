import type {
  CredentialSource,
  CredentialVerifier,
  EvidenceLimitOptions,
  EvidenceAppraiser,
  EvidenceProvider,
  HandshakeEvent,
  SessionLimits,
  SharedNodes,
  SourceLimitOptions,
} from "@trusted-mcp/channel";
import { Responder } from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import type { LoadLimits } from "./load-limit.ts";
import { warner } from "./warn.ts";

/** What peers may hold and have under way; each has a default. */
export interface ServerLimits extends SessionLimits, LoadLimits {
  /**
   * Memory for request bodies above 64 KiB, in bytes, from their arrival until they were answered. Larger
   * bodies wait for room. Default 256 MiB, and never less than two of the largest.
   */
  readonly maxBufferedBytes?: number;
}

export interface NodesOptions extends SharedNodes {
  /**
   * A server that makes or asks for attestation evidence keeps its sessions in the process that was attested,
   * whatever store there is, and needs sticky routing. Say so here, or such a configuration is refused.
   */
  readonly attested?: "node-local";
}

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
  readonly limits?: ServerLimits;
  /** First flights per source address, and in all. */
  readonly handshakeLimit?: SourceLimitOptions;
  readonly evidence?: EvidenceProvider;
  /** How many quotes are made at once, and how many handshakes may wait for one. */
  readonly evidenceLimit?: EvidenceLimitOptions;
  readonly appraiser?: EvidenceAppraiser;
  /**
   * A store that several nodes of this server share, and the keys under which they seal what is in it: then any
   * node serves any session. Default: this process keeps all, and a load balancer must be sticky.
   */
  readonly nodes?: NodesOptions;
  /** Longest channel session in ms; default and maximum 24 h. */
  readonly lifetimeMs?: number;
  /** How long a request body may take to arrive, in ms. Default 30 s. */
  readonly bodyTimeoutMs?: number;
  /**
   * Addresses and networks of our own proxies. Limits by source then count the right-most entry of
   * X-Forwarded-For that none of them wrote for another of them. Default none: the field is not believed, and
   * all clients behind a proxy share its limits.
   */
  readonly trustProxy?: readonly string[];
  /**
   * `false` switches OpenTelemetry off. Otherwise spans and metrics go to the OpenTelemetry SDK that the program
   * has installed, if it has; they hold no content.
   */
  readonly telemetry?: false;
  /**
   * Origins of web pages that may call, such as `https://app.example`. Default none: requests that say they come from
   * a page are refused. Other programs are not concerned.
   */
  readonly allowedOrigins?: readonly string[];
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

/** @param heard - hears of every handshake, before whoever the options name. */
export function responderFor(
  options: TrustedServerOptions,
  heard: (event: HandshakeEvent) => void,
): Responder {
  const { identity, clients, clientAuth, limits, evidence, appraiser, lifetimeMs } = options;
  const onHandshake = options.onHandshake ?? warnOfRefusals();
  checkNodes(options);
  return new Responder({
    audiences: audiencesOf(options),
    identity,
    clients,
    ...(clientAuth && { clientAuth }),
    ...(limits && { limits }),
    ...(options.handshakeLimit && { sourceLimit: options.handshakeLimit }),
    ...(evidence && { evidence }),
    ...(options.evidenceLimit && { evidenceLimit: options.evidenceLimit }),
    ...(appraiser && { appraiser }),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
    ...(options.nodes && { nodes: options.nodes }),
    onHandshake: (event) => {
      heard(event);
      onHandshake(event);
    },
  });
}

function checkNodes({ nodes, evidence, appraiser }: TrustedServerOptions): void {
  const attested = evidence !== undefined || appraiser !== undefined;
  if (nodes === undefined || !attested || nodes.attested === "node-local") return;
  throw new TrustedSdkError(
    "ERR_CONFIGURATION",
    'A server with attestation evidence cannot share its sessions: they stay in the process that was attested. Leave out `nodes`, or give `nodes: { …, attested: "node-local" }` and route each client to one node',
    { action: "fix" },
  );
}

function warnOfRefusals(): (event: HandshakeEvent) => void {
  const warn = warner();
  return (event) => {
    if (event.outcome === "refused") warn(event.code, `A handshake was refused: ${event.reason}`);
  };
}
