/** Bounds on what peers and servers can make this program hold or do. */
export interface ServeLimits {
  /** Child processes in all, and for one peer. */
  readonly maxChildren: number;
  readonly maxChildrenPerPeer: number;
  /** A session or shared child without calls and without an open stream ends after this long. */
  readonly idleMs: number;
  /** When a peer is at its limit, its oldest session that was idle for this long makes room. */
  readonly evictIdleMs: number;
  /** The same for a session whose client listened and then stopped: it ended without saying so, as many do. */
  readonly evictLeftMs: number;
  /** How long a server may take to answer `initialize`, and `server/discover`. */
  readonly startTimeoutMs: number;
  readonly discoverTimeoutMs: number;
  /** Time between the steps of ending a child: stdin closed, SIGTERM, SIGKILL. */
  readonly graceMs: number;
  /** One message from a server; one request body. */
  readonly maxMessageBytes: number;
  readonly maxRequestBytes: number;
  /** Calls under way at once in one session, or for one peer in the 2026-07-28 era. */
  readonly maxInFlight: number;
  /** HTTP connections, of all clients and strangers together. */
  readonly maxConnections: number;
  /** Requests under way and streams open at once, of one client; above it a client hears that its request did not run. */
  readonly maxRequestsPerPeer: number;
  readonly maxStreamsPerPeer: number;
  /** Comment lines keep a quiet stream alive through proxies; a quiet call becomes a stream after this long. */
  readonly keepAliveMs: number;
  /** A reader that takes nothing for this long loses its stream, so that it cannot stop the others. */
  readonly stallMs: number;
  /** Child that ends sooner than this without being told to counts as crashed. */
  readonly crashMs: number;
  /** Longest pause before a crashing server is started again. */
  readonly maxBackoffMs: number;
}

export const DEFAULT_LIMITS: ServeLimits = Object.freeze({
  maxChildren: 32,
  maxChildrenPerPeer: 8,
  idleMs: 600_000,
  evictIdleMs: 30_000,
  evictLeftMs: 1_000,
  startTimeoutMs: 60_000,
  discoverTimeoutMs: 30_000,
  graceMs: 2_000,
  maxMessageBytes: 32 * 1024 * 1024,
  maxRequestBytes: 4 * 1024 * 1024,
  maxInFlight: 256,
  maxConnections: 10_000,
  maxRequestsPerPeer: 1000,
  maxStreamsPerPeer: 1000,
  keepAliveMs: 15_000,
  stallMs: 30_000,
  crashMs: 10_000,
  maxBackoffMs: 30_000,
});

export function withDefaults(limits: Partial<ServeLimits> = {}): ServeLimits {
  return Object.freeze({ ...DEFAULT_LIMITS, ...limits });
}
