import { random, wipe } from "@trusted-mcp/primitives/bytes";
import { systemClock, type Clock } from "@trusted-mcp/primitives/clock";
import { generateKemKeyPair, type KemKeyPair } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import { appraiseEvidence, clientBinder, collectEvidence, reportData, serverBinder } from "../evidence.ts";
import * as schedule from "../key-schedule.ts";
import type {
  AppraisalResult,
  CredentialSource,
  CredentialVerifier,
  EvidenceAppraiser,
  EvidenceProvider,
} from "../ports.ts";
import { InitiatorSession, type InitiatorSessionState } from "../session/initiator-session.ts";
import { PushSession } from "../session/push-session.ts";
import {
  FRAMING_BINARY,
  FRAMING_JSON,
  FRAMING_LINES,
  MODE_RESUMPTION,
  MODE_SIGNATURE,
  NONCE_BYTES,
  SUITE_XWING_AES256GCM_SHA384,
  VERSION_1,
} from "../suite.ts";
import { hashItems, signatureInput } from "../transcript.ts";
import { refuseAlert } from "./alert.ts";
import * as message from "./message.ts";
import { openFlight, sealFlight } from "./secrets.ts";
import * as sealed from "./sealed.ts";
import { authenticateServer, checkChoice, type ServerState } from "./server-auth.ts";
import { checkTicket, type ResumptionTicket } from "./ticket.ts";

export interface InitiatorOptions {
  /** The server this client means to reach, as the server names itself; usually its URL. */
  readonly audience: string;
  /** Absent: the client stays anonymous, which only servers with `clientAuth: "optional"` accept. */
  readonly identity?: CredentialSource;
  readonly verifier: CredentialVerifier;
  /** Framings this client can use, best first. Default: binary, JSON. */
  readonly framings?: readonly number[];
  readonly evidence?: EvidenceProvider;
  readonly appraiser?: EvidenceAppraiser;
  /** Used up, whatever comes of the handshake. With an appraiser it is not used: attested sessions start afresh. */
  readonly ticket?: ResumptionTicket;
  readonly clock?: Clock;
}

/** Carries one handshake message to the responder and brings its answer back. */
export type Exchange = (message: Uint8Array) => Promise<Uint8Array>;

const MAX_RETRIES = 2;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Runs the handshake as the initiator (spec §3).
 *
 * @throws ChannelError naming the refusal; nothing was sent that a stranger could read.
 */
export async function initiate(options: InitiatorOptions, exchange: Exchange): Promise<InitiatorSession> {
  return new InitiatorSession(await handshake(options, exchange));
}

/**
 * The same handshake for a pipe (spec §5.8). `maxMessageBytes` bounds what this end accepts.
 *
 * @throws ChannelError as `initiate` does.
 */
export async function initiatePipe(
  options: Omit<InitiatorOptions, "framings" | "ticket">,
  exchange: Exchange,
  maxMessageBytes: number,
): Promise<PushSession> {
  const state = await handshake({ ...options, framings: [FRAMING_LINES] }, exchange);
  // A ticket cannot outlast the session that a pipe has anyway.
  if (state.ticket !== null) wipe(state.ticket.psk);
  return new PushSession({
    ...state,
    role: "client",
    audience: options.audience,
    maxSendBytes: state.maxMessageBytes,
    maxReceiveBytes: maxMessageBytes,
  });
}

async function handshake(options: InitiatorOptions, exchange: Exchange): Promise<InitiatorSessionState> {
  const kem = generateKemKeyPair();
  try {
    return await new Handshake(options, exchange, kem).run();
  } finally {
    kem.wipe();
    if (options.ticket) wipe(options.ticket.psk);
  }
}

class Handshake {
  readonly #options: InitiatorOptions;
  readonly #exchange: Exchange;
  readonly #kem: KemKeyPair;
  readonly #clock: Clock;
  readonly #request: message.EvidenceRequest | null;
  readonly #ticket: ResumptionTicket | null;

  constructor(options: InitiatorOptions, exchange: Exchange, kem: KemKeyPair) {
    this.#options = options;
    this.#exchange = exchange;
    this.#kem = kem;
    this.#clock = options.clock ?? systemClock;
    this.#request = options.appraiser
      ? { types: options.appraiser.types, context: random(NONCE_BYTES) }
      : null;
    this.#ticket = options.appraiser ? null : (options.ticket ?? null);
  }

  async run(): Promise<InitiatorSessionState> {
    const options = this.#options;
    const offered = options.framings ?? [FRAMING_BINARY, FRAMING_JSON];
    if (this.#ticket) checkTicket(this.#ticket, options.audience, this.#clock.now());
    const core = message.encodeF1Core({
      versions: [VERSION_1],
      suites: [SUITE_XWING_AES256GCM_SHA384],
      framings: offered,
      mode: this.#ticket ? MODE_RESUMPTION : MODE_SIGNATURE,
      audience: options.audience,
      nonce: random(NONCE_BYTES),
      kemPublicKey: this.#kem.publicKey,
      credentialTypes: options.verifier.types,
      evidenceRequest: this.#request,
      ticketId: this.#ticket?.id ?? null,
    });
    const early = schedule.earlySecret(this.#ticket?.psk ?? null);
    const binder = this.#ticket ? schedule.pskBinder(early, core) : null;
    try {
      const { f1, s1 } = await this.#firstFlight(core, binder);
      checkChoice(s1, offered);
      const shared = parsing("ERR_MALFORMED", "S1's KEM ciphertext", () =>
        this.#kem.decapsulate(s1.kemCiphertext),
      );
      const handshake = schedule.handshakeSecret(early, shared);
      wipe(shared);
      return await this.#continue(s1, handshake, hashItems(f1, s1.clear));
    } finally {
      wipe(early);
    }
  }

  async #continue(s1: message.S1, handshake: Uint8Array, th0: Uint8Array): Promise<InitiatorSessionState> {
    const master = schedule.masterSecret(handshake);
    try {
      const { verifier, audience } = this.#options;
      const expected = { verifier, audience, now: this.#clock.now(), ticket: this.#ticket };
      const server = await authenticateServer(expected, s1, handshake, th0);
      const { f2, th3 } = await this.#secondFlight(s1, handshake, th0, server);
      const answer = await this.#exchange(f2);
      refuseAlert(answer, handshake, th3);
      return await this.#openS2(answer, s1.framing, master, th3, server);
    } finally {
      wipe(handshake, master);
    }
  }

  async #firstFlight(
    core: Uint8Array,
    binder: Uint8Array | null,
  ): Promise<{ f1: Uint8Array; s1: message.S1 }> {
    let token: Uint8Array | null = null;
    for (let attempt = 0; attempt <= MAX_RETRIES; attempt += 1) {
      const f1 = message.encodeF1(core, binder, token);
      const answer = await this.#exchange(f1);
      if (message.typeOf(answer) !== message.TYPE.R) return { f1, s1: message.parseS1(answer) };
      token = message.parseR(answer);
    }
    throw new ChannelError(
      "ERR_RETRY_LOOP",
      "The server kept asking to try again; it is overloaded or being imitated",
      {
        action: "retry",
      },
    );
  }

  async #secondFlight(
    s1: message.S1,
    handshake: Uint8Array,
    th0: Uint8Array,
    server: ServerState,
  ): Promise<{ f2: Uint8Array; th3: Uint8Array }> {
    const resumed = this.#ticket !== null;
    const own = resumed ? null : await this.#credential(server.params);
    const clear = message.encodeFlightClear(message.TYPE.F2, s1.handshakeId);
    const th2 = hashItems(server.th1, server.auth.signature, server.auth.finished, clear, own?.bytes ?? null);
    const signature = own === null ? null : await own.sign(signatureInput("client", th2));
    const fin = schedule.finished(handshake, "client", th0, hashItems(th2, signature));
    const plaintext = sealed.encodeClientSealed({ credential: own?.bytes ?? null, signature, finished: fin });
    const key = schedule.trafficKey(handshake, "hs client", [th0]);
    this.#own = own === null ? null : { bytes: own.bytes, spki: own.spki };
    this.#ownNotAfter = own?.notAfter ?? Infinity;
    return {
      f2: message.encodeFlight(clear, sealFlight(key, clear, plaintext)),
      th3: hashItems(th2, signature, fin),
    };
  }

  #own: { bytes: Uint8Array; spki: Uint8Array } | null = null;
  #ownNotAfter = Infinity;

  async #credential(params: sealed.ServerParams) {
    const source = this.#options.identity;
    if (source === undefined) {
      if (params.clientAuth === "optional") return null;
      throw new ChannelError(
        "ERR_CLIENT_AUTH_REQUIRED",
        "The server asks who this client is; give the client a key",
        {
          action: "fix",
        },
      );
    }
    const own = await source.current("client", this.#options.audience);
    if (!params.credentialTypes.includes(own.type)) {
      throw new ChannelError(
        "ERR_CREDENTIAL_TYPE",
        "The server does not accept this client's kind of credential",
        {
          action: "fix",
        },
      );
    }
    return own;
  }

  async #openS2(
    answer: Uint8Array,
    framing: number,
    master: Uint8Array,
    th3: Uint8Array,
    server: ServerState,
  ): Promise<InitiatorSessionState> {
    const s2 = message.parseFlight(message.TYPE.S2, answer);
    const key = schedule.trafficKey(master, "s2", [th3, s2.id]);
    const grant = sealed.parseGrant(openFlight(key, s2.clear, s2.sealed, "S2"));
    const th4 = hashItems(th3, answer);
    const appraisal = await this.#appraise(grant, master, th3, s2.id, server);
    const { root, lifetimeSeconds } = await this.#confirm(grant, master, th4, server);
    const now = this.#clock.now();
    const notAfter = Math.min(
      now + Math.min(grant.lifetimeSeconds * 1000, lifetimeSeconds * 1000, DAY_MS),
      server.verified.peer.notAfter ?? Infinity,
      appraisal?.notAfter ?? Infinity,
      this.#ticket?.notAfter ?? Infinity,
      this.#ownNotAfter,
    );
    if (!(notAfter - now >= 1000)) {
      throw new ChannelError("ERR_EXPIRED", "A credential or the evidence has expired", { action: "fix" });
    }
    return {
      id: grant.sessionId,
      root,
      framing,
      peer: server.verified.peer,
      appraisal,
      notAfter,
      maxMessageBytes: grant.maxMessageBytes,
      idleMs: grant.idleSeconds * 1000,
      clock: this.#clock,
      resumed: this.#ticket !== null,
      ticket: this.#newTicket(grant, master, th4, notAfter, server, appraisal),
    };
  }

  #newTicket(
    grant: sealed.Grant,
    master: Uint8Array,
    th4: Uint8Array,
    notAfter: number,
    server: ServerState,
    appraisal: AppraisalResult | null,
  ): ResumptionTicket | null {
    if (grant.ticketId === null || grant.evidenceWanted || appraisal !== null) return null;
    return {
      id: grant.ticketId,
      psk: schedule.expand(master, "resumption", [th4]),
      audience: this.#options.audience,
      notAfter,
      serverCredential: server.credential,
    };
  }

  /** Gates on the server's evidence when it was asked for: agreement alone is not acceptance. */
  async #appraise(
    grant: sealed.Grant,
    master: Uint8Array,
    th3: Uint8Array,
    nonceS2: Uint8Array,
    server: ServerState,
  ): Promise<AppraisalResult | null> {
    const { appraiser, audience } = this.#options;
    if (appraiser === undefined || this.#request === null) return null;
    const expected = reportData({
      role: "server",
      binder: serverBinder(master, th3, nonceS2, this.#request.context),
      signingSpki: server.verified.spki,
      ownCredential: server.auth.credential,
      peerCredential: this.#own?.bytes ?? null,
      audience,
    });
    return await appraiseEvidence(appraiser, grant.evidence, {
      reportData: expected,
      role: "server",
      audience,
      now: this.#clock.now(),
    });
  }

  /** F3/S3 when the server asked for evidence; gives app_root and the session's life either way. */
  async #confirm(
    grant: sealed.Grant,
    master: Uint8Array,
    th4: Uint8Array,
    server: ServerState,
  ): Promise<{ root: Uint8Array; lifetimeSeconds: number }> {
    const { lifetimeSeconds } = grant;
    if (!grant.evidenceWanted) return { root: schedule.applicationRoot(master, th4, null), lifetimeSeconds };
    const wanted = server.params.evidenceRequest;
    const provider = this.#options.evidence;
    const type = wanted?.types.find((name) => provider?.types.includes(name));
    if (wanted === null || provider === undefined || type === undefined) {
      throw new ChannelError(
        "ERR_EVIDENCE_UNAVAILABLE",
        "The server asks for attestation evidence that this client cannot make",
        { action: "fix" },
      );
    }
    const own = this.#own;
    const data = reportData({
      role: "client",
      binder: clientBinder(master, th4, wanted.context),
      signingSpki: own?.spki ?? null,
      ownCredential: own?.bytes ?? null,
      peerCredential: server.auth.credential,
      audience: this.#options.audience,
    });
    const evidence = await collectEvidence(provider, data, wanted.types);
    const clear = message.encodeFlightClear(message.TYPE.F3, grant.sessionId);
    const key = schedule.trafficKey(master, "f3", [th4]);
    const f3 = message.encodeFlight(clear, sealFlight(key, clear, sealed.encodeEvidenceSealed(evidence)));
    const root = schedule.applicationRoot(master, th4, sealed.evidenceItem(evidence));
    const answer = await this.#exchange(f3);
    refuseAlert(answer, master, th4);
    const s3 = message.parseFlight(message.TYPE.S3, answer);
    const accepted = openFlight(schedule.trafficKey(root, "s3", []), s3.clear, s3.sealed, "S3");
    return { root, lifetimeSeconds: sealed.parseAcceptance(accepted) };
  }
}
