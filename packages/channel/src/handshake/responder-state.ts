import { wipe } from "@trusted-mcp/primitives/bytes";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { SharedPending } from "../nodes/shared-pending.ts";
import { SharedSessions } from "../nodes/shared-sessions.ts";
import { SharedTickets } from "../nodes/shared-tickets.ts";
import { StateSeal } from "../nodes/state-seal.ts";
import type {
  EvidenceProvider,
  PendingHandshake,
  PendingStore,
  TicketEntry,
  TicketStore,
  VerifiedCredential,
} from "../ports.ts";
import type { ResponderSessionState } from "../session/responder-session.ts";
import { SessionTable } from "../session/session-table.ts";
import { EvidenceQueue } from "./evidence-queue.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { MemoryPendingStore } from "./pending-store.ts";
import type { ResponderOptions } from "./responder-options.ts";
import { MemoryTicketStore } from "./ticket-store.ts";

const MAX_WAITING = 4096;
/** A quote takes about a second: longer than a signature. */
const WAITING_GRACE_MS = 10_000;

/** What authenticated the client, and until when that may count. */
export interface ClientState {
  readonly verified: VerifiedCredential | null;
  readonly credential: Uint8Array | null;
  readonly ticket: TicketEntry | null;
}

/** A handshake that lacks only the client's evidence (spec §3.8). */
export interface Waiting {
  readonly master: Uint8Array;
  readonly th4: Uint8Array;
  readonly context: Uint8Array;
  readonly client: ClientState;
  readonly pending: PendingHandshake;
  readonly session: Omit<ResponderSessionState, "root" | "appraisal">;
}

/** What the flights of one responder share. */
export interface ResponderState {
  readonly options: ResponderOptions;
  readonly clock: Clock;
  readonly pending: PendingStore;
  /** Null: no resumption. */
  readonly tickets: TicketStore | null;
  readonly evidence: EvidenceProvider | null;
  readonly waiting: ExpiringMap<Waiting>;
  readonly sessions: SessionTable;
  /** Null: every session is served by this process alone. */
  readonly shared: SharedSessions | null;
  /** Keys of the retry tokens that other nodes take too; undefined: this process makes its own. */
  readonly retryKeys: readonly Uint8Array[] | undefined;
}

export function responderState(options: ResponderOptions): ResponderState {
  const { nodes, clients, audiences, evidence, clock = systemClock } = options;
  // An attested session must stay in the attested process: no tickets, no store (spec §5.5, §5.7).
  const attested = evidence !== undefined || options.appraiser !== undefined;
  const seal = nodes === undefined ? null : new StateSeal(nodes.keys);
  const share = nodes === undefined || seal === null || attested ? null : { store: nodes.store, seal };
  const pending =
    options.pending ??
    (share ? new SharedPending(share.store, share.seal, clock) : new MemoryPendingStore(4096, clock));
  const tickets =
    options.tickets ??
    (share ? new SharedTickets(share.store, share.seal, clock) : new MemoryTicketStore(10_000, clock));
  const sessions = new SessionTable(options.limits ?? {}, clock, share !== null);
  const anonymous = options.clientAuth === "optional";
  return {
    options,
    clock,
    pending,
    tickets: attested || tickets === false ? null : tickets,
    evidence: evidence === undefined ? null : new EvidenceQueue(evidence, clock, options.evidenceLimit),
    waiting: new ExpiringMap(MAX_WAITING, WAITING_GRACE_MS, clock, ({ master }) => wipe(master)),
    sessions,
    shared: share && new SharedSessions({ ...share, clock, table: sessions, clients, audiences, anonymous }),
    retryKeys: seal?.retryKeys(),
  };
}
