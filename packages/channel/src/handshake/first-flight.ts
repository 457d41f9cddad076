import { equal, random, wipe } from "@trusted-mcp/primitives/bytes";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { encapsulate } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import * as schedule from "../key-schedule.ts";
import type { TicketEntry } from "../ports.ts";
import { ID_BYTES, MODE_RESUMPTION, NONCE_BYTES, SUITE_XWING_AES256GCM_SHA384, VERSION_1 } from "../suite.ts";
import { hashItems, signatureInput } from "../transcript.ts";
import * as message from "./message.ts";
import { PENDING_MS, tooManyHalfOpen } from "./pending-store.ts";
import type { ResponderState } from "./responder-state.ts";
import { RetryTokens } from "./retry-token.ts";
import { sealFlight } from "./secrets.ts";
import * as sealed from "./sealed.ts";
import { SourceLimit } from "./source-limit.ts";

/** First flights worked on at once: a slow signer's queue is bounded as well. */
const MAX_OPENING = 1024;

/** Answers F1 with S1, or with R under load (spec §3.2, §3.3). */
export class FirstFlight {
  readonly #state: ResponderState;
  readonly #retry: RetryTokens;
  readonly #sources: SourceLimit;
  #opening = 0;

  constructor(state: ResponderState) {
    this.#state = state;
    this.#retry = new RetryTokens(state.clock, state.retryKeys);
    this.#sources = new SourceLimit(state.clock, state.options.sourceLimit);
  }

  async answer(bytes: Uint8Array, source: string, framings: readonly number[]): Promise<Uint8Array> {
    const { options, pending } = this.#state;
    const f1 = message.parseF1(bytes);
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
    if (f1.retryToken === null && pending.size + this.#opening >= (options.retryThreshold ?? 256)) {
      return message.encodeR(this.#retry.issue(f1.untokened, source));
    }
    if (pending.full || this.#opening >= MAX_OPENING) throw tooManyHalfOpen();
    this.#opening += 1;
    try {
      return await this.#open(f1, bytes, framings);
    } finally {
      this.#opening -= 1;
    }
  }

  async #open(f1: message.F1, bytes: Uint8Array, framings: readonly number[]): Promise<Uint8Array> {
    const { options, clock, tickets, pending } = this.#state;
    const framing = choose(f1, options.audiences, framings);
    const ticket = await this.#checkTicket(f1);
    const own = ticket === null ? await options.identity.current("server", f1.audience) : null;
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
    if (ticket !== null && tickets?.copies === true) wipe(ticket.psk);
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
      clientAuth: options.clientAuth ?? "required",
      credentialTypes: options.clients.types,
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
    const stored = await pending.put(base64url(handshakeId), {
      expiresAt: clock.monotonic() + PENDING_MS,
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

  /** An unknown ticket and a wrong binder fail alike, and never fall back to another mode. */
  async #checkTicket(f1: message.F1): Promise<TicketEntry | null> {
    const { options, tickets } = this.#state;
    if (f1.mode !== MODE_RESUMPTION) return null;
    const entry = f1.ticketId === null ? undefined : await tickets?.get(base64url(f1.ticketId));
    const early = schedule.earlySecret(entry?.psk ?? null);
    const expected = schedule.pskBinder(early, f1.core);
    const proven = f1.binder !== null && equal(expected, f1.binder);
    wipe(early);
    const welcome = entry?.peerCredential !== null || options.clientAuth === "optional";
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
    const { appraiser } = this.#state.options;
    return appraiser ? { types: appraiser.types, context: random(NONCE_BYTES) } : null;
  }
}

/** The framing, once everything that both ends need in common is there. */
function choose(f1: message.F1, audiences: readonly string[], framings: readonly number[]): number {
  if (!f1.versions.includes(VERSION_1))
    throw new ChannelError("ERR_VERSION", "The client offers no version this server speaks");
  if (!f1.suites.includes(SUITE_XWING_AES256GCM_SHA384)) {
    throw new ChannelError("ERR_SUITE", "The client offers no suite this server speaks");
  }
  if (!audiences.includes(f1.audience)) {
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
