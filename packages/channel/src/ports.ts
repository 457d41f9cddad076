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

/** Keeps half-open handshakes. `claim` is atomic: of all callers for one id, one gets `true`. */
export interface PendingStore {
  /** False when full: the handshake is refused. */
  put(id: string, entry: PendingHandshake): boolean;
  /** True when `put` would refuse now: asked before anything expensive is done. */
  readonly full: boolean;
  get(id: string): PendingHandshake | undefined;
  claim(id: string): boolean;
  /** Entries that have not expired. */
  readonly size: number;
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
  put(id: string, entry: TicketEntry): void;
  get(id: string): TicketEntry | undefined;
  take(id: string): TicketEntry | undefined;
}
