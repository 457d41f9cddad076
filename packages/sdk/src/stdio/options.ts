import type {
  CredentialSource,
  CredentialVerifier,
  EvidenceAppraiser,
  EvidenceProvider,
  HandshakeEvent,
} from "@trusted-mcp/channel";
import type { PipeLimits } from "./sealed-pipe.ts";

export interface TrustedPipeClientOptions extends PipeLimits {
  /** This client's identity; absent: anonymous, if the server admits that. */
  readonly identity?: CredentialSource;
  /** The server's pinned key, from `pinnedServer(...)`. */
  readonly server: CredentialVerifier;
  /** What the server calls itself, such as `stdio:weather`: 1 to 1024 bytes. A pipe has no URL to take it from. */
  readonly audience: string;
  readonly evidence?: EvidenceProvider;
  readonly appraiser?: EvidenceAppraiser;
  /** How long a handshake may take, the start of the other end included. Default 30 s. */
  readonly handshakeTimeoutMs?: number;
  /** Fresh keys are mixed in after this long, in ms. Default 1 h. */
  readonly rekeyAfterMs?: number;
}

export interface TrustedPipeServerOptions extends PipeLimits {
  readonly identity: CredentialSource;
  /** The clients that may call, from `pinnedPeers([...])`. */
  readonly clients: CredentialVerifier;
  /** The names under which clients mean this server, such as `stdio:weather`. */
  readonly audience: string | readonly string[];
  /** `optional` admits clients without an identity. Default `required`. */
  readonly clientAuth?: "required" | "optional";
  readonly evidence?: EvidenceProvider;
  readonly appraiser?: EvidenceAppraiser;
  /** Longest channel session in ms; default and maximum 24 h. The client renews it on the same pipe. */
  readonly lifetimeMs?: number;
  /** Hears of every handshake on the pipe, accepted or refused. */
  readonly onHandshake?: (event: HandshakeEvent) => void;
}
