import type { AgentOptions } from "node:https";
import type {
  CredentialSource,
  CredentialVerifier,
  EvidenceAppraiser,
  EvidenceProvider,
} from "@trusted-mcp/channel";

export interface TrustedClientOptions {
  /** The exact endpoint that is sealed. Requests to any other URL (OAuth discovery, say) pass unchanged. */
  readonly url: string | URL;
  /** This client's identity; absent: anonymous, if the server admits that. */
  readonly identity?: CredentialSource;
  /** The server's pinned key, from `pinnedServer(...)`. */
  readonly server: CredentialVerifier;
  /** What the server calls itself. Default: `url`. */
  readonly audience?: string;
  /**
   * `require` (default): nothing but the channel. `prefer`: plain MCP if the server does not speak it;
   * whoever sits in between can then force plaintext on the first contact. Once a server has spoken
   * trusted-mcp/1, this client never again sends it plaintext.
   */
  readonly mode?: "require" | "prefer";
  readonly evidence?: EvidenceProvider;
  readonly appraiser?: EvidenceAppraiser;
  /** Header fields for the outer HTTP request (a gateway's API key, say). Sent outside the channel. */
  readonly outerHeaders?: Readonly<Record<string, string>>;
  /** TLS options for https endpoints, such as `ca`. */
  readonly tls?: AgentOptions;
  /** Largest answer accepted whole, in bytes. Default 64 MiB. Streams are not limited. */
  readonly maxResponseBytes?: number;
  /** How long a handshake may take. Default 30 s. */
  readonly handshakeTimeoutMs?: number;
  /** Fresh keys are mixed in after this long. Default 1 h. */
  readonly rekeyAfterMs?: number;
  /** Used for other URLs, and for plain MCP in `prefer` mode. Default: global `fetch`. */
  readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /**
   * `false` switches OpenTelemetry off. Otherwise spans and metrics go to the OpenTelemetry SDK that the program
   * has installed, if it has, and the span's context travels inside the sealed message.
   */
  readonly telemetry?: false;
  /** Sees each outer request and answer body: what an observer on the wire sees. For inspection. */
  readonly onWire?: (direction: "sent" | "received", contentType: string, body: Uint8Array) => void;
}
