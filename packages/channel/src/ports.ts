/**
 * What the channel needs from outside. The channel does no I/O: identities, attestation, stores and
 * time come in through these ports (docs/spec/trusted-mcp-1.md §3, §7).
 */
export type Role = "client" | "server";

/** A peer that has proved possession of its key in a handshake. */
export interface Peer {
  /** The name under which this end pinned or allowed the peer. */
  readonly name: string;
  /** base64url(SHA-256(SPKI)) of the identity key: 43 characters. */
  readonly keyId: string;
  /** The identity key's signature algorithm, such as `ed25519`. */
  readonly algorithm: string;
  /** End of the credential's life in ms since the epoch; absent: the credential does not expire. */
  readonly notAfter?: number;
  /** True when a short-lived key, delegated by the identity key, signed the handshake. */
  readonly delegated: boolean;
}

/** What this end proves. It only signs: no private key ever passes through the channel. */
export interface Credential {
  /** Credential type code (spec §3.1). */
  readonly type: number;
  /** Opaque to the channel; enters the transcript whole. At most 16,384 bytes. */
  readonly bytes: Uint8Array;
  /** DER SubjectPublicKeyInfo of the key that signs handshakes. */
  readonly spki: Uint8Array;
  /** End of life in ms since the epoch. */
  readonly notAfter?: number;
  /** Signs `message` (already domain-separated). ECDSA signatures are IEEE P1363. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Gives the credential to use now; asked once per handshake, so that delegations can be renewed. */
export interface CredentialSource {
  readonly types: readonly number[];
  current(role: Role, audience: string): Promise<Credential> | Credential;
}

export interface VerifiedCredential {
  readonly peer: Peer;
  /** DER SPKI of the key that signs this handshake. */
  readonly spki: Uint8Array;
  /** DER SPKI of the long-term identity key; equal to `spki` when nothing was delegated. */
  readonly identitySpki: Uint8Array;
  /** True, or a promise of it, only for a valid signature over `message`; never throws on a bad one. */
  verify(message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

/** Decides whether credential bytes name an accepted peer; throws a coded error when they do not. */
export interface CredentialVerifier {
  readonly types: readonly number[];
  verify(
    bytes: Uint8Array,
    context: { readonly role: Role; readonly audience: string; readonly now: number },
  ): Promise<VerifiedCredential> | VerifiedCredential;
}

/** Attestation evidence as it travels: a type name and bytes that only its verifier understands. */
export interface Evidence {
  /** For example `tdx`, `sev-snp`, `sample`; 1 to 64 ASCII characters. */
  readonly type: string;
  /** At most 1 MiB. */
  readonly bytes: Uint8Array;
}

/** RATS Attester (RFC 9334 §4): makes evidence over 64 bytes of report data computed by the channel. */
export interface EvidenceProvider {
  readonly types: readonly string[];
  collect(reportData: Uint8Array, request: { readonly types: readonly string[] }): Promise<Evidence>;
}

export interface AppraisalResult {
  readonly status: "affirming" | "warning" | "contraindicated";
  /** End of the result's validity in ms since the epoch; bounds the session. */
  readonly notAfter?: number;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** RATS Verifier as this end sees it. Anything but `affirming` or `warning` closes the handshake. */
export interface EvidenceAppraiser {
  readonly types: readonly string[];
  appraise(
    evidence: Evidence,
    context: {
      readonly reportData: Uint8Array;
      readonly role: Role;
      readonly audience: string;
      readonly now: number;
    },
  ): Promise<AppraisalResult>;
}

/** A responder's half-open handshake. It holds secrets; stores keep it in memory only. */
export interface PendingHandshake {
  readonly expiresAt: number;
  readonly handshakeSecret: Uint8Array;
  /** TH0 and TH1. */
  readonly transcript0: Uint8Array;
  readonly transcript1: Uint8Array;
  /** Null in resumption mode, where the server signs nothing. */
  readonly serverCredential: Uint8Array | null;
  readonly serverSpki: Uint8Array | null;
  readonly serverSignature: Uint8Array | null;
  readonly serverFinished: Uint8Array;
  readonly clientRequest: { readonly types: readonly string[]; readonly context: Uint8Array } | null;
  readonly serverContext: Uint8Array | null;
  readonly audience: string;
  readonly framing: number;
  readonly ticketId: Uint8Array | null;
  readonly credentialNotAfter: number;
}

/** Answered at once by what is in memory, later by what lies in a store. */
export type Awaitable<T> = T | Promise<T>;

/** Keeps half-open handshakes. `claim` is atomic: of all callers for one id, one gets `true`. */
export interface PendingStore {
  /** False when full: the handshake is refused. */
  put(id: string, entry: PendingHandshake): Awaitable<boolean>;
  /** True when `put` would refuse now: asked before anything expensive is done. */
  readonly full: boolean;
  get(id: string): Awaitable<PendingHandshake | undefined>;
  claim(id: string): Awaitable<boolean>;
  /** Entries that have not expired. */
  readonly size: number;
  /** True when `get` gives copies, whose secrets the caller overwrites. */
  readonly copies?: boolean;
}

/** What a resumption ticket stands for, kept by both ends. */
export interface TicketEntry {
  /** 48 bytes. */
  readonly psk: Uint8Array;
  /** The peer's credential bytes, verified again at resumption; null for an anonymous client. */
  readonly peerCredential: Uint8Array | null;
  readonly audience: string;
  /** The original session's absolute end (ms since the epoch): resumption never extends it. */
  readonly notAfter: number;
}

/** Keeps tickets. `take` is atomic and deletes: a ticket resumes once. */
export interface TicketStore {
  put(id: string, entry: TicketEntry): Awaitable<void>;
  get(id: string): Awaitable<TicketEntry | undefined>;
  take(id: string): Awaitable<TicketEntry | undefined>;
  /** True when `get` gives copies, whose secrets the caller overwrites. */
  readonly copies?: boolean;
}

/** A session in a store. An empty value: it was ended, by its client or by its server's owner. */
export interface StoredSession {
  readonly version: number;
  readonly value: Uint8Array;
}

export interface StoredSessionLimits {
  /** Without an `admit` for this long the session is gone, in ms. */
  readonly idleMs: number;
  /** It is gone after this long in any case, in ms, by the store's own clock. */
  readonly lifeMs: number;
  /** The sessions that end together, and how many there may be: above it the oldest is gone. */
  readonly group: string;
  readonly groupLimit: number;
}

/** What became of a record's number. `gone`: the store has no such session, so nothing may run. */
export type Admission =
  { readonly verdict: "fresh" | "seen"; readonly version: number } | { readonly verdict: "gone" };

/**
 * What several nodes of one server share (spec §5.7). Values are sealed and keys are MACs before they come here:
 * a store can lose, withhold and deny, but reads and forges nothing.
 *
 * Every method is atomic, acts once, and rejects within a bounded time if the store does not answer. What the
 * store once said must hold: after a restart, a failover or a rollback it must hold none of what it held before
 * (`@trusted-mcp/redis` shows how), or records run twice.
 */
export interface StateStore {
  /** Keeps `value` for `ttlMs` under a key that is new. */
  put(key: string, value: Uint8Array, ttlMs: number): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Reads and deletes: of all callers, one gets the value. */
  take(key: string): Promise<Uint8Array | undefined>;
  /** Keeps a session with version 1 and an empty window under a key that is new. */
  openSession(key: string, value: Uint8Array, limits: StoredSessionLimits): Promise<void>;
  session(key: string): Promise<StoredSession | undefined>;
  /** Replaces the value if `version` is the current one, which then grows by one. */
  replaceSession(key: string, version: number, value: Uint8Array): Promise<boolean>;
  /** Marks a number, 0 to 2^53 - 1, in the session's window of 2048 (spec §5.2). */
  admit(key: string, sequence: number): Promise<Admission>;
  /** From now on the session admits nothing; its empty value stays readable for some minutes. */
  endSession(key: string): Promise<void>;
  /** Ends all sessions of a group; how many there were. */
  endGroup(group: string): Promise<number>;
}

/** A store, and the keys under which all nodes seal what they put there. */
export interface SharedNodes {
  readonly store: StateStore;
  /** 32 bytes each. The first seals; the others still open, so that keys can be exchanged one after the other. */
  readonly keys: readonly Uint8Array[];
}
