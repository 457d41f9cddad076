import type { Clock } from "@trusted-mcp/primitives/clock";
import type {
  CredentialSource,
  CredentialVerifier,
  EvidenceAppraiser,
  EvidenceProvider,
  PendingStore,
  SharedNodes,
  TicketStore,
} from "../ports.ts";
import type { PushSession } from "../session/push-session.ts";
import type { SessionLimits } from "../session/session-table.ts";
import type { EvidenceLimitOptions } from "./evidence-queue.ts";
import type { HandshakeEvent } from "./handshake-event.ts";
import type { SourceLimitOptions } from "./source-limit.ts";

export interface ResponderOptions {
  /** The names under which clients may address this server; anything else is refused. */
  readonly audiences: readonly string[];
  readonly identity: CredentialSource;
  readonly clients: CredentialVerifier;
  /** Default `required`. `optional` admits anonymous clients. */
  readonly clientAuth?: "required" | "optional";
  /** Framings this server accepts, best first. Default: JSON. */
  readonly framings?: readonly number[];
  readonly evidence?: EvidenceProvider;
  readonly evidenceLimit?: EvidenceLimitOptions;
  readonly appraiser?: EvidenceAppraiser;
  readonly pending?: PendingStore;
  /** `false` switches resumption off. */
  readonly tickets?: TicketStore | false;
  readonly limits?: SessionLimits;
  readonly sourceLimit?: SourceLimitOptions;
  /** Half-open handshakes above which first flights must bring a retry token. Default 256. */
  readonly retryThreshold?: number;
  /** Longest session in ms. Default and maximum 24 h. */
  readonly lifetimeMs?: number;
  readonly clock?: Clock;
  /** Hears of handshakes that ended, well or not. Never receives secrets. */
  readonly onHandshake?: (event: HandshakeEvent) => void;
  /**
   * Gets each session that was opened for a pipe (framing 3), before the answer that opens it is given out. Such
   * a session belongs to its pipe alone and is not in `sessions`.
   */
  readonly onPipe?: (session: PushSession) => void;
  /**
   * What this server shares with other nodes of the same name. A server that makes or asks for evidence shares
   * only the retry tokens' key: its sessions stay in the process that was attested (spec §5.7).
   */
  readonly nodes?: SharedNodes;
}
