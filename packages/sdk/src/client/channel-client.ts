import {
  BINARY_MEDIA_TYPE,
  encodeHandshakeRequest,
  encodeRecordRequest,
  encodeRequestHead,
  FRAMING_BINARY,
  initiate,
  parseHandshakeResponse,
  MAX_HANDSHAKE_BYTES,
  RESPONSE_HEADER_BYTES,
  parseRecordResponse,
  type InitiatorExchange,
  type InitiatorSession,
  type RequestHead,
  type ResumptionTicket,
} from "@trusted-mcp/channel";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { concat, random, utf8, utf8Decode } from "@trusted-mcp/primitives/bytes";
import { JSON_MEDIA_TYPE, mediaType } from "@trusted-mcp/http/media-type";
import { createSender } from "#sender";
import { TrustedSdkError } from "../error.ts";
import { ClientTelemetry } from "../telemetry/client.ts";
import { outside } from "../telemetry/outside.ts";
import { frameLimit } from "../wire.ts";
import { onceMoreIfBusy } from "./busy.ts";
import { deliver, NoAnswer, SessionDoubt } from "./delivery.ts";
import { notSent, HandshakeRefused, untilSettled } from "./handshake-refused.ts";
import type { TrustedClientOptions } from "./options.ts";
import { openAnswer, type OpenedAnswer } from "./sealed-answer.ts";
import type { OuterAnswer, Sender } from "./sender.ts";
import { spoken } from "./spoken.ts";

const DEFAULT_MAX_RESPONSE = 64 * 1024 * 1024;

/** Keeps one channel session to one server and runs sealed requests over it. */
export class ChannelClient {
  readonly #options: TrustedClientOptions;
  readonly #sender: Sender;
  readonly #audience: string;
  readonly #endpoint: string;
  readonly #telemetry: ClientTelemetry;
  #session: InitiatorSession | null = null;
  #opening: Promise<InitiatorSession> | null = null;
  #ticket: ResumptionTicket | null = null;
  #rekeying: Promise<void> | null = null;
  #closed = false;

  constructor(options: TrustedClientOptions) {
    const url = new URL(options.url);
    this.#options = options;
    this.#endpoint = url.href;
    this.#telemetry = new ClientTelemetry(options.telemetry !== false, url);
    this.#audience = options.audience ?? url.href;
    this.#sender = createSender(url, options.outerHeaders ?? {}, options.tls);
  }

  /** True once this endpoint has spoken trusted-mcp/1 to us: from then on there is no plaintext. */
  get spoken(): boolean {
    return spoken.has(this.#endpoint);
  }

  /** The current session, opening one when there is none; concurrent callers share one handshake. */
  async session(): Promise<InitiatorSession> {
    if (this.#closed) throw new TrustedSdkError("ERR_CLOSED", "This client was closed");
    const session = this.#session;
    if (session?.usable === true) {
      if (session.epochAge > (this.#options.rekeyAfterMs ?? 3_600_000)) await this.#rekey(session);
      return session;
    }
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return await this.#opening;
  }

  /**
   * Seals a request, sends it, opens the answer.
   *
   * An outer refusal proves nothing, so only a `repeatable` request is sent again, on a new session. The
   * server's own "busy" proves that the request did not run: any request is then sent once more.
   */
  request(
    head: RequestHead,
    body: Uint8Array,
    repeatable: boolean,
    signal?: AbortSignal,
  ): Promise<OpenedAnswer> {
    return this.#telemetry.request(head, body, (sent) =>
      onceMoreIfBusy(() => this.#attempt(sent, body, repeatable, signal), signal),
    );
  }

  async #attempt(
    head: RequestHead,
    body: Uint8Array,
    repeatable: boolean,
    signal?: AbortSignal,
  ): Promise<OpenedAnswer> {
    const session = await this.session();
    try {
      return await this.#run(session, head, body, signal);
    } catch (error) {
      if (!(error instanceof SessionDoubt)) throw error;
      this.#forget(session);
      if (!repeatable) throw error.toUnknown();
    }
    const fresh = await this.session();
    try {
      return await this.#run(fresh, head, body, signal);
    } catch (error) {
      throw error instanceof SessionDoubt ? error.toUnknown() : error;
    }
  }

  /** Says goodbye to the server, best effort, and ends the session. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const session = this.#session;
    this.#session = null;
    const goodbye = session?.close();
    if (session && goodbye) {
      await this.#post(frameOf(session, goodbye), AbortSignal.timeout(2000)).then(
        (answer) => answer.cancel(),
        () => undefined,
      );
    }
    session?.destroy();
    this.#sender.close();
  }

  async #run(
    session: InitiatorSession,
    head: RequestHead,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<OpenedAnswer> {
    const exchange = session.seal([encodeRequestHead(head), body]);
    const frame = frameOf(session, exchange);
    let sent = false;
    return await deliver(async () => {
      if (sent) exchange.repeat();
      sent = true;
      const outer = await this.#post(frame, signal).catch((error: unknown) => {
        const broken = error instanceof TrustedSdkError && error.code === "ERR_OUTCOME_UNKNOWN";
        throw broken ? new NoAnswer(error) : error;
      });
      checkOuter(outer);
      try {
        return await openAnswer(outer, exchange, this.#options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE);
      } catch (error) {
        outer.cancel();
        signal?.throwIfAborted();
        throw error;
      }
    }, signal);
  }

  #post(frame: Frame, signal?: AbortSignal): Promise<OuterAnswer> {
    const { onWire } = this.#options;
    const send = (): Promise<OuterAnswer> => outside(() => this.#sender.post(frame.type, frame.body, signal));
    return onWire === undefined ? send() : watched(frame, send, onWire);
  }

  async #open(): Promise<InitiatorSession> {
    const ticket = this.#ticket;
    this.#ticket = null;
    if (ticket !== null && ticket.notAfter > Date.now()) {
      try {
        return await this.#handshake(ticket);
      } catch (error) {
        // A ticket that no longer serves costs a full handshake, which authenticates in its own right.
        if (error instanceof TrustedSdkError && error.code === "ERR_UNREACHABLE") throw error;
      }
    }
    return await this.#handshake(null);
  }

  async #handshake(ticket: ResumptionTicket | null): Promise<InitiatorSession> {
    const { identity, server, evidence, appraiser } = this.#options;
    const timeoutMs = this.#options.handshakeTimeoutMs ?? 30_000;
    const signal = AbortSignal.timeout(timeoutMs);
    const options = {
      audience: this.#audience,
      verifier: server,
      ...(identity && { identity }),
      ...(evidence && { evidence }),
      ...(appraiser && { appraiser }),
      ...(ticket && { ticket }),
    };
    const once = (): Promise<InitiatorSession> =>
      initiate(options, (message) => this.#flight(message, signal));
    try {
      // A ticket serves one handshake: what follows its failure is a full one.
      const session = await this.#telemetry.handshake(ticket !== null, () =>
        ticket === null ? untilSettled(once, signal) : once(),
      );
      spoken.add(this.#endpoint);
      this.#ticket = session.ticket;
      this.#session = session;
      return session;
    } catch (error) {
      if (!signal.aborted) throw notSent(error);
      const message = `The server did not finish the handshake within ${timeoutMs} ms`;
      throw new TrustedSdkError("ERR_HANDSHAKE_TIMEOUT", message, { action: "retry", cause: error });
    }
  }

  async #flight(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const frame = utf8(encodeHandshakeRequest(base64url(random(9)), message));
    const outer = await this.#post({ type: JSON_MEDIA_TYPE, body: [frame] }, signal);
    if (outer.status >= 300 && outer.status < 400) throw redirected(outer);
    if (outer.status !== 200 || mediaType(outer.contentType) !== JSON_MEDIA_TYPE) {
      const text = await outer.bytes(65_536).then(
        (bytes) => new TextDecoder().decode(bytes),
        () => "",
      );
      throw new HandshakeRefused(outer.status, text);
    }
    const text = utf8Decode(await outer.bytes(frameLimit(MAX_HANDSHAKE_BYTES)));
    try {
      return parseHandshakeResponse(text);
    } catch (cause) {
      throw new HandshakeRefused(outer.status, text, cause);
    }
  }

  /** One rekey at a time; a failure leaves the old keys, which stay good until the session ends. */
  async #rekey(session: InitiatorSession): Promise<void> {
    this.#rekeying ??= session
      .rekey(async (exchange) => {
        const outer = await this.#post(frameOf(session, exchange), AbortSignal.timeout(30_000));
        checkOuter(outer);
        const bytes = await outer.bytes(65_536);
        if (mediaType(outer.contentType) === BINARY_MEDIA_TYPE) return bytes;
        const { header, chunks } = parseRecordResponse(utf8Decode(bytes));
        return concat(header.subarray(0, RESPONSE_HEADER_BYTES), chunks);
      })
      .catch(() => this.#forget(session))
      .finally(() => {
        this.#rekeying = null;
      });
    await this.#rekeying;
  }

  /** Later requests open a new session; this one's answers in flight can still be opened. */
  #forget(session: InitiatorSession): void {
    if (this.#session === session) this.#session = null;
  }
}

/** A sealed request as it is sent, each time. */
interface Frame {
  readonly type: string;
  readonly body: readonly Uint8Array[];
}

/** Shows what goes out and what comes in. */
async function watched(
  { type, body }: Frame,
  send: () => Promise<OuterAnswer>,
  onWire: NonNullable<TrustedClientOptions["onWire"]>,
): Promise<OuterAnswer> {
  for (const part of body) onWire("sent", type, part);
  const answer = await send();
  const answerType = answer.contentType ?? "";
  return {
    ...answer,
    body: (async function* () {
      for await (const part of answer.body) {
        onWire("received", answerType, part);
        yield part;
      }
    })(),
    bytes: async (limit) => {
      const bytes = await answer.bytes(limit);
      onWire("received", answerType, bytes);
      return bytes;
    },
  };
}

function frameOf(session: InitiatorSession, exchange: InitiatorExchange): Frame {
  if (session.framing === FRAMING_BINARY)
    return { type: BINARY_MEDIA_TYPE, body: joinSmall([exchange.header, ...exchange.chunks]) };
  const text = encodeRecordRequest(base64url(random(9)), exchange.header, exchange.chunks);
  return { type: JSON_MEDIA_TYPE, body: [utf8(text)] };
}

/** One write for a small request; a large one is not copied. */
function joinSmall(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return parts.length === 2 ? [concat(...parts)] : parts;
}

function checkOuter(outer: OuterAnswer): void {
  if (outer.status === 200) return;
  outer.cancel();
  if (outer.status >= 300 && outer.status < 400) throw redirected(outer);
  throw new SessionDoubt(outer.status);
}

function redirected(outer: OuterAnswer): TrustedSdkError {
  outer.cancel();
  return new TrustedSdkError(
    "ERR_REDIRECT",
    `The server answered with a redirect (HTTP ${outer.status}); redirects are never followed. Use the final address`,
    { action: "fix" },
  );
}
