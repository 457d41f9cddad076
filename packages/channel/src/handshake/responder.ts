import { equal, random, wipe } from "@trusted-mcp/primitives/bytes";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { encapsulate } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import { appraiseEvidence, clientBinder, collectEvidence, reportData, serverBinder } from "../evidence.ts";
import * as schedule from "../key-schedule.ts";
import { SharedPending } from "../nodes/shared-pending.ts";
import { SharedSessions } from "../nodes/shared-sessions.ts";
import { SharedTickets } from "../nodes/shared-tickets.ts";
import { StateSeal } from "../nodes/state-seal.ts";
import type {
  CredentialSource,
  CredentialVerifier,
  Evidence,
  EvidenceAppraiser,
  EvidenceProvider,
  Peer,
  PendingHandshake,
  PendingStore,
  SharedNodes,
  TicketEntry,
  TicketStore,
  VerifiedCredential,
} from "../ports.ts";
import { PushSession } from "../session/push-session.ts";
import { ResponderSession, type ResponderSessionState } from "../session/responder-session.ts";
import { SessionTable, type SessionLimits } from "../session/session-table.ts";
import {
  FRAMING_JSON,
  FRAMING_LINES,
  ID_BYTES,
  MODE_RESUMPTION,
  NONCE_BYTES,
  SUITE_XWING_AES256GCM_SHA384,
  VERSION_1,
} from "../suite.ts";
import { hashItems, signatureInput } from "../transcript.ts";
import { alertFor, codeOf, type AlertCode } from "./alert.ts";
import { EvidenceQueue, type EvidenceLimitOptions } from "./evidence-queue.ts";
import { ExpiringMap } from "./expiring-map.ts";
import * as message from "./message.ts";
import { MemoryPendingStore } from "./pending-store.ts";
import { RetryTokens } from "./retry-token.ts";
import { openFlight, sealFlight } from "./secrets.ts";
import * as sealed from "./sealed.ts";
import { SourceLimit, type SourceLimitOptions } from "./source-limit.ts";
import { MemoryTicketStore } from "./ticket-store.ts";

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

export type HandshakeEvent =
  | {
      readonly outcome: "accepted";
      readonly peer: Peer | null;
      readonly resumed: boolean;
      readonly source: string;
    }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string; readonly source: string };

const DAY_MS = 24 * 60 * 60 * 1000;
const PENDING_MS = 30_000;
/** First flights worked on at once: a slow signer's queue is bounded as well. */
const MAX_OPENING = 1024;
const MAX_WAITING = 4096;
/** A quote takes about a second: longer than a signature. */
const WAITING_GRACE_MS = 10_000;

/** What authenticated the client, and until when that may count. */
interface ClientState {
  readonly verified: VerifiedCredential | null;
  readonly credential: Uint8Array | null;
  readonly ticket: TicketEntry | null;
}

interface Waiting {
  readonly master: Uint8Array;
  readonly th4: Uint8Array;
  readonly context: Uint8Array;
  readonly client: ClientState;
  readonly pending: PendingHandshake;
  readonly session: Omit<ConstructorParameters<typeof ResponderSession>[0], "root" | "appraisal">;
}

/** The responder of spec §3: answers handshake messages and keeps the sessions they open. */
export class Responder {
  /** The sessions here; where nodes share them, this node's copies. */
  readonly sessions: SessionTable;
  /** Null: every session is served by this process alone. */
  readonly shared: SharedSessions | null;
  readonly #options: ResponderOptions;
  readonly #clock: Clock;
  readonly #pending: PendingStore;
  readonly #tickets: TicketStore | null;
  readonly #retry: RetryTokens;
  readonly #sources: SourceLimit;
  readonly #framings: readonly number[];
  readonly #evidence: EvidenceProvider | undefined;
  readonly #waiting: ExpiringMap<Waiting>;
  #opening = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // An attested session must stay in the attested process: no tickets, no store (spec §5.5, §5.7).
    const attested = options.evidence !== undefined || options.appraiser !== undefined;
    const { nodes } = options;
    const seal = nodes === undefined ? null : new StateSeal(nodes.keys);
    const share = nodes === undefined || seal === null || attested ? null : { store: nodes.store, seal };
    const clock = this.#clock;
    this.#pending =
      options.pending ??
      (share ? new SharedPending(share.store, share.seal, clock) : new MemoryPendingStore(4096, clock));
    const tickets =
      options.tickets ??
      (share ? new SharedTickets(share.store, share.seal, clock) : new MemoryTicketStore(10_000, clock));
    this.#tickets = attested || tickets === false ? null : tickets;
    this.#waiting = new ExpiringMap<Waiting>(MAX_WAITING, WAITING_GRACE_MS, this.#clock, ({ master }) =>
      wipe(master),
    );
    this.#retry = new RetryTokens(this.#clock, seal?.retryKeys());
    this.#sources = new SourceLimit(this.#clock, options.sourceLimit);
    this.#framings = options.framings ?? [FRAMING_JSON];
    this.#evidence =
      options.evidence && new EvidenceQueue(options.evidence, this.#clock, options.evidenceLimit);
    this.sessions = new SessionTable(options.limits ?? {}, clock, share !== null);
    const { clients, audiences } = options;
    const anonymous = options.clientAuth === "optional";
    this.shared =
      share && new SharedSessions({ ...share, clock, table: this.sessions, clients, audiences, anonymous });
  }

  /**
   * Answers one handshake message.
   *
   * @param source - where it came from (an address), for rate limits only.
   * @param framings - what the path it came on can carry, when that is less than the options say.
   * @throws ChannelError when there is nothing to answer; the caller sends the one outer error (spec §8.1).
   */
  async handle(bytes: Uint8Array, source: string, framings?: readonly number[]): Promise<Uint8Array> {
    try {
      switch (message.typeOf(bytes)) {
        case message.TYPE.F1:
          return await this.#onF1(message.parseF1(bytes), bytes, source, framings ?? this.#framings);
        case message.TYPE.F2:
          return await this.#onF2(message.parseFlight(message.TYPE.F2, bytes), source);
        case message.TYPE.F3:
          return await this.#onF3(message.parseFlight(message.TYPE.F3, bytes), source);
        default:
          throw new ChannelError("ERR_MALFORMED", "This is not a handshake message that a client sends");
      }
    } catch (error) {
      this.#report(error, source);
      throw error;
    }
  }

  /** Forgets what ended or idled out, its secrets with it; true while something is left to sweep later. */
  sweep(): boolean {
    this.sessions.sweep();
    return this.sessions.size + this.#pending.size + this.#waiting.size > 0;
  }

  #report(error: unknown, source: string): void {
    this.#options.onHandshake?.({
      outcome: "refused",
      code: codeOf(error),
      reason: error instanceof TrustedMcpError ? error.message : "an unexpected error",
      source,
    });
  }

  async #onF1(
    f1: message.F1,
    bytes: Uint8Array,
    source: string,
    framings: readonly number[],
  ): Promise<Uint8Array> {
    if (f1.retryToken !== null && !this.#retry.accepts(f1.retryToken, f1.untokened, source)) {
      throw new ChannelError(
        "ERR_RETRY_TOKEN",
        "The retry token is old, changed, or was given to someone else",
      );
    }
    if (!this.#sources.admits(source)) {
      throw new ChannelError("ERR_RATE_LIMITED", "This address starts too many handshakes", {
        action: "retry",
      });
    }
    // Flights still being signed count: they are the load, before they become pending.
    if (
      f1.retryToken === null &&
      this.#pending.size + this.#opening >= (this.#options.retryThreshold ?? 256)
    ) {
      return message.encodeR(this.#retry.issue(f1.untokened, source));
    }
    if (this.#pending.full || this.#opening >= MAX_OPENING) throw tooManyHalfOpen();
    this.#opening += 1;
    try {
      return await this.#answerF1(f1, bytes, framings);
    } finally {
      this.#opening -= 1;
    }
  }

  async #answerF1(f1: message.F1, bytes: Uint8Array, framings: readonly number[]): Promise<Uint8Array> {
    const framing = this.#choose(f1, framings);
    const ticket = await this.#checkTicket(f1);
    const own = ticket === null ? await this.#options.identity.current("server", f1.audience) : null;
    if (own !== null && !f1.credentialTypes.includes(own.type)) {
      throw new ChannelError(
        "ERR_CREDENTIAL_TYPE",
        "The client does not accept this server's kind of credential",
      );
    }

    const handshakeId = random(ID_BYTES);
    const { ciphertext, sharedSecret } = parsing("ERR_MALFORMED", "F1's KEM key", () =>
      encapsulate(f1.kemPublicKey),
    );
    const early = schedule.earlySecret(ticket?.psk ?? null);
    const handshake = schedule.handshakeSecret(early, sharedSecret);
    wipe(early, sharedSecret);
    if (ticket !== null && this.#tickets?.copies === true) wipe(ticket.psk);
    const clear = message.encodeS1Clear({
      version: VERSION_1,
      suite: SUITE_XWING_AES256GCM_SHA384,
      framing,
      nonce: random(NONCE_BYTES),
      kemCiphertext: ciphertext,
      handshakeId,
    });
    const th0 = hashItems(bytes, clear);
    const request = this.#evidenceRequest();
    const params = sealed.encodeParams({
      versions: [VERSION_1],
      suites: [SUITE_XWING_AES256GCM_SHA384],
      clientAuth: this.#options.clientAuth ?? "required",
      credentialTypes: this.#options.clients.types,
      evidenceRequest: request,
    });
    const th1 = hashItems(th0, params, own?.bytes ?? null);
    const signature = own === null ? null : await own.sign(signatureInput("server", th1));
    const fin = schedule.finished(handshake, "server", th0, hashItems(th1, signature));
    const plaintext = sealed.encodeServerSealed(params, {
      credential: own?.bytes ?? null,
      signature,
      finished: fin,
    });
    const key = schedule.trafficKey(handshake, "hs server", [th0]);
    const stored = await this.#pending.put(base64url(handshakeId), {
      expiresAt: this.#clock.monotonic() + PENDING_MS,
      handshakeSecret: handshake,
      transcript0: th0,
      transcript1: th1,
      serverCredential: own?.bytes ?? null,
      serverSpki: own?.spki ?? null,
      serverSignature: signature,
      serverFinished: fin,
      // Copies: a view would keep the whole F1 alive.
      clientRequest: f1.evidenceRequest && {
        types: f1.evidenceRequest.types,
        context: new Uint8Array(f1.evidenceRequest.context),
      },
      serverContext: request?.context ?? null,
      audience: f1.audience,
      framing,
      ticketId: f1.ticketId && new Uint8Array(f1.ticketId),
      credentialNotAfter: own?.notAfter ?? Infinity,
    });
    if (!stored) {
      wipe(handshake);
      throw tooManyHalfOpen();
    }
    return message.encodeFlight(clear, sealFlight(key, clear, plaintext));
  }

  #choose(f1: message.F1, framings: readonly number[]): number {
    if (!f1.versions.includes(VERSION_1))
      throw new ChannelError("ERR_VERSION", "The client offers no version this server speaks");
    if (!f1.suites.includes(SUITE_XWING_AES256GCM_SHA384)) {
      throw new ChannelError("ERR_SUITE", "The client offers no suite this server speaks");
    }
    if (!this.#options.audiences.includes(f1.audience)) {
      throw new ChannelError(
        "ERR_AUDIENCE",
        `The client means to reach ${JSON.stringify(f1.audience)}, which is not one of this server's names; add it with --audience if it should be`,
        { action: "fix" },
      );
    }
    const framing = framings.find((code) => f1.framings.includes(code));
    if (framing === undefined)
      throw new ChannelError("ERR_FRAMING", "The client offers no framing this server accepts");
    return framing;
  }

  /** An unknown ticket and a wrong binder fail alike, and never fall back to another mode. */
  async #checkTicket(f1: message.F1): Promise<TicketEntry | null> {
    if (f1.mode !== MODE_RESUMPTION) return null;
    const entry = f1.ticketId === null ? undefined : await this.#tickets?.get(base64url(f1.ticketId));
    const early = schedule.earlySecret(entry?.psk ?? null);
    const expected = schedule.pskBinder(early, f1.core);
    const proven = f1.binder !== null && equal(expected, f1.binder);
    wipe(early);
    const welcome = entry?.peerCredential !== null || this.#options.clientAuth === "optional";
    if (entry === undefined || !proven || !welcome || entry.audience !== f1.audience) {
      throw new ChannelError(
        "ERR_RESUMPTION",
        "The resumption ticket is unknown, used, expired or not proven",
        {
          action: "retry",
        },
      );
    }
    return entry;
  }

  #evidenceRequest(): message.EvidenceRequest | null {
    const { appraiser } = this.#options;
    return appraiser ? { types: appraiser.types, context: random(NONCE_BYTES) } : null;
  }

  async #onF2(f2: message.Flight, source: string): Promise<Uint8Array> {
    const id = base64url(f2.id);
    const pending = await this.#pending.get(id);
    // A store may hold what another server, with other names, put there.
    if (pending === undefined || !this.#options.audiences.includes(pending.audience))
      throw new ChannelError("ERR_PENDING_UNKNOWN", "No handshake is open under this id");
    const handshake = pending.handshakeSecret;
    const th0 = pending.transcript0;
    const key = schedule.trafficKey(handshake, "hs client", [th0]);
    const plaintext = openFlight(key, f2.clear, f2.sealed, "F2");
    // The flight is genuine. Claim before checking signatures: one F2 gives at most one session.
    if (!(await this.#pending.claim(id))) {
      if (this.#pending.copies === true) wipe(handshake);
      throw new ChannelError("ERR_PENDING_UNKNOWN", "This handshake was already claimed");
    }
    try {
      return await this.#onClaimed(pending, f2, plaintext, source);
    } finally {
      wipe(handshake);
    }
  }

  async #onClaimed(
    pending: PendingHandshake,
    f2: message.Flight,
    plaintext: Uint8Array,
    source: string,
  ): Promise<Uint8Array> {
    const auth = sealed.parseClientSealed(plaintext);
    const th2 = hashItems(
      pending.transcript1,
      pending.serverSignature,
      pending.serverFinished,
      f2.clear,
      auth.credential,
    );
    const th3 = hashItems(th2, auth.signature, auth.finished);
    let step: AlertCode = 1;
    try {
      const client = await this.#authenticate(pending, auth, th2);
      step = 7;
      return await this.#grant(pending, client, th3, source);
    } catch (error) {
      return this.#alert(error, step, schedule.trafficKey(pending.handshakeSecret, "alert", [th3]), source);
    }
  }

  /** The reason, sealed for the one client that can be on the other end; its key seals nothing else. */
  #alert(error: unknown, step: AlertCode, key: schedule.TrafficKey, source: string): Uint8Array {
    this.#report(error, source);
    const clear = message.encodeFlightClear(message.TYPE.ALERT, new Uint8Array(0));
    return message.encodeFlight(clear, sealFlight(key, clear, Uint8Array.of(alertFor(codeOf(error), step))));
  }

  async #authenticate(
    pending: PendingHandshake,
    auth: sealed.Authentication,
    th2: Uint8Array,
  ): Promise<ClientState> {
    const before = hashItems(th2, auth.signature);
    const expected = schedule.finished(pending.handshakeSecret, "client", pending.transcript0, before);
    if (!equal(expected, auth.finished))
      throw new ChannelError("ERR_FINISHED", "The client's Finished does not match");
    const context = { role: "client", audience: pending.audience, now: this.#clock.now() } as const;
    if (pending.ticketId !== null) {
      if (auth.credential !== null)
        throw new ChannelError("ERR_RESUMPTION", "A resumption carries no credential");
      const ticket = await this.#tickets?.take(base64url(pending.ticketId));
      if (ticket === undefined)
        throw new ChannelError("ERR_RESUMPTION", "The ticket was used by another handshake");
      wipe(ticket.psk);
      if (ticket.peerCredential === null) return { verified: null, credential: null, ticket };
      // Verified again: a key removed from the allow list, or expired, ends resumption too.
      const verified = await this.#options.clients.verify(ticket.peerCredential, context);
      return { verified, credential: ticket.peerCredential, ticket };
    }
    if (auth.credential === null || auth.signature === null) {
      if (this.#options.clientAuth === "optional") return { verified: null, credential: null, ticket: null };
      throw new ChannelError("ERR_CLIENT_AUTH_REQUIRED", "The client gave no identity");
    }
    const verified = await this.#options.clients.verify(auth.credential, context);
    // Nothing but `true` counts: some verifiers answer with a promise, which by itself is truthy.
    if ((await verified.verify(signatureInput("client", th2), auth.signature)) !== true) {
      throw new ChannelError("ERR_SIGNATURE", "The client's signature over this handshake does not verify");
    }
    return { verified, credential: auth.credential, ticket: null };
  }

  async #grant(
    pending: PendingHandshake,
    client: ClientState,
    th3: Uint8Array,
    source: string,
  ): Promise<Uint8Array> {
    const now = this.#clock.now();
    const notAfter = Math.min(
      now + Math.min(this.#options.lifetimeMs ?? DAY_MS, DAY_MS),
      client.verified?.peer.notAfter ?? Infinity,
      client.ticket?.notAfter ?? Infinity,
      pending.credentialNotAfter,
    );
    const lifetimeSeconds = secondsLeft(notAfter, now);
    const peer = client.verified?.peer ?? null;
    this.sessions.reserve(peer);
    const master = schedule.masterSecret(pending.handshakeSecret);
    let waits = false;
    try {
      const nonceS2 = random(NONCE_BYTES);
      const sessionId = random(ID_BYTES);
      const ticketId = this.#tickets === null ? null : random(ID_BYTES);
      const evidence = await this.#collect(pending, client, master, th3, nonceS2);
      if (evidence !== null) await this.#verifyAgain(client, pending);
      const wanted = pending.serverContext;
      const clear = message.encodeFlightClear(message.TYPE.S2, nonceS2);
      const grant = sealed.encodeGrant({
        sessionId,
        lifetimeSeconds,
        idleSeconds: Math.floor(this.sessions.idleMs / 1000),
        maxMessageBytes: this.sessions.maxMessageBytes,
        ticketId,
        evidenceWanted: wanted !== null,
        evidence,
      });
      const key = schedule.trafficKey(master, "s2", [th3, nonceS2]);
      const s2 = message.encodeFlight(clear, sealFlight(key, clear, grant));
      const th4 = hashItems(th3, s2);
      const session = {
        id: sessionId,
        framing: pending.framing,
        peer,
        audience: pending.audience,
        notAfter,
        maxMessageBytes: this.sessions.maxMessageBytes,
        clock: this.#clock,
        resumed: client.ticket !== null,
      };
      if (wanted !== null) {
        this.#wait(sessionId, { master, th4, context: wanted, client, pending, session });
        waits = true;
        return s2;
      }
      const root = schedule.applicationRoot(master, th4, null);
      const opened = { ...session, root, appraisal: null };
      if (this.shared === null || session.framing === FRAMING_LINES) this.#open(opened, source);
      else await this.#share(this.shared, opened, client, source);
      if (ticketId !== null) {
        const ticket = {
          psk: schedule.expand(master, "resumption", [th4]),
          // A copy: a view would keep the whole padded flight alive, ten times as much.
          peerCredential: client.credential && new Uint8Array(client.credential),
          audience: pending.audience,
          notAfter,
        };
        const kept = this.#tickets?.put(base64url(ticketId), ticket);
        // A ticket that a store could not take costs a full handshake later, not this one.
        if (kept !== undefined) await kept.catch(() => undefined);
      }
      return s2;
    } finally {
      if (!waits) wipe(master);
    }
  }

  /** The store takes a while too: a key removed meanwhile, and its sessions ended, leaves none open. */
  async #share(
    shared: SharedSessions,
    state: ResponderSessionState,
    client: ClientState,
    source: string,
  ): Promise<void> {
    const session = new ResponderSession(state);
    await shared.create(session, client.credential);
    try {
      await this.#verifyAgain(client, state);
    } catch (error) {
      await shared.end(session);
      throw error;
    }
    this.sessions.add(session);
    this.#accepted(session, source);
  }

  /**
   * Ends every session of an identity key, at all nodes. Take it off the list of every node first.
   *
   * @throws ChannelError ERR_STORE when the store did not answer: its sessions at other nodes may go on.
   */
  async revoke(keyId: string): Promise<number> {
    if (this.shared === null) return this.sessions.revoke(keyId);
    return await this.shared.revoke(keyId);
  }

  /** Evidence takes a while: a key removed from the list meanwhile opens no session. */
  async #verifyAgain(client: ClientState, { audience }: { readonly audience: string }): Promise<void> {
    if (client.credential === null) return;
    const context = { role: "client", audience, now: this.#clock.now() } as const;
    await this.#options.clients.verify(client.credential, context);
  }

  #open(session: ResponderSessionState, source: string): void {
    if (session.framing === FRAMING_LINES) {
      const bound = session.maxMessageBytes;
      const pipe = { ...session, role: "server", maxSendBytes: Infinity, maxReceiveBytes: bound } as const;
      this.#options.onPipe?.(new PushSession(pipe));
    } else {
      this.sessions.add(new ResponderSession(session));
    }
    this.#accepted(session, source);
  }

  #accepted({ peer, resumed }: Pick<ResponderSession, "peer" | "resumed">, source: string): void {
    this.#options.onHandshake?.({ outcome: "accepted", peer, resumed, source });
  }

  /** Evidence for the client that asked; only ever over report data computed here (spec §7.2). */
  async #collect(
    pending: PendingHandshake,
    client: ClientState,
    master: Uint8Array,
    th3: Uint8Array,
    nonceS2: Uint8Array,
  ): Promise<Evidence | null> {
    const request = pending.clientRequest;
    const provider = this.#evidence;
    if (request === null || provider === undefined) return null;
    if (!request.types.some((type) => provider.types.includes(type))) return null;
    const data = reportData({
      role: "server",
      binder: serverBinder(master, th3, nonceS2, request.context),
      signingSpki: pending.serverSpki,
      ownCredential: pending.serverCredential,
      peerCredential: client.credential,
      audience: pending.audience,
    });
    return await collectEvidence(provider, data, request.types);
  }

  /** No records are accepted until F3 brought evidence that was appraised here. */
  #wait(sessionId: Uint8Array, waiting: Waiting): void {
    const expiresAt = this.#clock.monotonic() + PENDING_MS;
    if (!this.#waiting.put(base64url(sessionId), waiting, expiresAt)) throw tooManyHalfOpen();
  }

  async #onF3(f3: message.Flight, source: string): Promise<Uint8Array> {
    const id = base64url(f3.id);
    const waiting = this.#waiting.get(id);
    const { appraiser } = this.#options;
    if (waiting === undefined || appraiser === undefined) {
      throw new ChannelError("ERR_PENDING_UNKNOWN", "No session waits for evidence under this id");
    }
    const { master, th4, client, pending } = waiting;
    const plaintext = openFlight(schedule.trafficKey(master, "f3", [th4]), f3.clear, f3.sealed, "F3");
    if (!this.#waiting.claim(id))
      throw new ChannelError("ERR_PENDING_UNKNOWN", "This evidence was already taken");
    try {
      const evidence = sealed.parseEvidenceSealed(plaintext);
      const expected = reportData({
        role: "client",
        binder: clientBinder(master, th4, waiting.context),
        signingSpki: client.verified?.spki ?? null,
        ownCredential: client.credential,
        peerCredential: pending.serverCredential,
        audience: pending.audience,
      });
      const appraisal = await appraiseEvidence(appraiser, evidence, {
        reportData: expected,
        role: "client",
        audience: pending.audience,
        now: this.#clock.now(),
      });
      await this.#verifyAgain(client, pending);
      const root = schedule.applicationRoot(master, th4, sealed.evidenceItem(evidence));
      const notAfter = Math.min(waiting.session.notAfter, appraisal.notAfter ?? Infinity);
      const accepted = sealed.encodeAcceptance(secondsLeft(notAfter, this.#clock.now()));
      this.#open({ ...waiting.session, notAfter, root, appraisal }, source);
      const clear = message.encodeFlightClear(message.TYPE.S3, new Uint8Array(0));
      return message.encodeFlight(clear, sealFlight(schedule.trafficKey(root, "s3", []), clear, accepted));
    } catch (error) {
      return this.#alert(error, 1, schedule.trafficKey(master, "alert", [th4]), source);
    } finally {
      wipe(master);
    }
  }
}

function tooManyHalfOpen(): ChannelError {
  return new ChannelError("ERR_PENDING_FULL", "Too many handshakes are half open", { action: "retry" });
}

/** Whole seconds until `notAfter`; anything that is not at least one, NaN included, ends the handshake. */
function secondsLeft(notAfter: number, now: number): number {
  const seconds = Math.floor((notAfter - now) / 1000);
  if (seconds >= 1) return seconds;
  throw new ChannelError("ERR_EXPIRED", "A credential or the evidence has expired", { action: "fix" });
}
