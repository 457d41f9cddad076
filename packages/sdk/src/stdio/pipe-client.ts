import {
  ChannelError,
  handshakeLine,
  initiatePipe,
  type LineFrame,
  type PushSession,
} from "@trusted-mcp/channel";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { random } from "@trusted-mcp/primitives/bytes";
import { TrustedSdkError } from "../error.ts";
import type { Carrier } from "./carrier.ts";
import type { TrustedPipeClientOptions } from "./options.ts";
import { SealedPipe } from "./sealed-pipe.ts";

const DEFAULT_MAX_MESSAGE = 64 * 1024 * 1024;
const HOUR_MS = 3_600_000;
/** A session is renewed in the last tenth of its life, ten minutes before its end at the earliest. */
const RENEW_SHARE = 0.1;
const RENEW_MAX_MS = 600_000;
const RETRY_MIN_MS = 100;
const TIMER_SLACK_MS = 10;
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Waiter {
  readonly resolve: (message: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** The client's end of a sealed pipe: it starts the handshakes, the rekeys and the renewals. */
export class PipeClient extends SealedPipe {
  readonly #options: TrustedPipeClientOptions;
  /** A handshake message was sent; its answer is waited for. */
  #waiter: Waiter | null = null;
  #starting = false;
  #renewing = false;
  #renewAheadMs = 0;
  #retryAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(carrier: Carrier, options: TrustedPipeClientOptions) {
    super(carrier, { maxMessageBytes: DEFAULT_MAX_MESSAGE, ...options });
    this.#options = options;
  }

  /** Starts the carrier and runs the handshake. @throws the channel's refusal; no MCP message was sent. */
  override async start(): Promise<void> {
    this.#starting = true;
    try {
      await super.start();
      const exchange = (message: Uint8Array): Promise<Uint8Array> =>
        this.#ask(
          () => void this.sendLine(handshakeLine(base64url(random(9)), message)).catch(() => undefined),
        );
      this.#adopt(await this.#handshake(exchange), null);
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.#starting = false;
    }
    this.releaseInbound();
  }

  protected override takeFrame(frame: Exclude<LineFrame, { kind: "push" }>): void {
    const waiter = this.#starting ? this.#waiter : null;
    switch (frame.kind) {
      case "answer":
        if (waiter === null) throw misplaced();
        this.#answered(frame.message);
        return;
      case "refusal":
        if (waiter === null) throw misplaced();
        throw new TrustedSdkError(
          "ERR_NOT_TRUSTED",
          "The server refused the handshake. Most often it does not know the audience as its own name; the server's log says which",
          { action: "fix" },
        );
      case "handshake":
        throw misplaced();
      default:
        throw new TrustedSdkError(
          "ERR_PLAINTEXT_REFUSED",
          "The other end of the pipe sent plain MCP. It does not speak trusted-mcp/1, or somebody in between wrote to the pipe; the message was not passed on",
          { action: "fix" },
        );
    }
  }

  protected override takeRenewal(message: Uint8Array): void {
    if (this.#waiter === null || !this.#renewing) throw misplaced();
    if (message.length > 0) {
      this.#answered(message);
      return;
    }
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter.reject(new TrustedSdkError("ERR_RENEWAL", "The server refused to renew the session"));
  }

  protected override tend(): void {
    const session = this.sending;
    if (session === null || this.#renewing || !this.open) return;
    if (session.remainingMs <= this.#renewAheadMs && (performance.now() >= this.#retryAt || !session.live)) {
      void this.#renew(session);
    } else if (session.epochAge > (this.#options.rekeyAfterMs ?? HOUR_MS)) {
      this.sendRecord(session.rekey());
    }
  }

  protected override refusedToStart(error: Error): boolean {
    clearTimeout(this.#timer);
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.reject(error);
    return this.#starting;
  }

  /** What comes after this answer waits until it is known what it means. */
  #answered(message: Uint8Array): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    this.holdInbound();
    waiter?.resolve(message);
  }

  #ask(send: () => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(new TrustedSdkError("ERR_CLOSED", "The pipe is closed"));
        return;
      }
      this.#waiter = { resolve, reject };
      send();
      this.releaseInbound();
    });
  }

  async #handshake(exchange: (message: Uint8Array) => Promise<Uint8Array>): Promise<PushSession> {
    const { identity, server, audience, evidence, appraiser, handshakeTimeoutMs } = this.#options;
    const ms = handshakeTimeoutMs ?? 30_000;
    const timer = setTimeout(() => {
      this.fail(
        new TrustedSdkError(
          "ERR_HANDSHAKE_TIMEOUT",
          `The other end of the pipe did not finish the handshake within ${ms} ms: it does not speak trusted-mcp/1, or waits for something`,
          { action: "retry" },
        ),
      );
    }, ms);
    try {
      return await initiatePipe(
        {
          audience,
          verifier: server,
          ...(identity && { identity }),
          ...(evidence && { evidence }),
          ...(appraiser && { appraiser }),
        },
        exchange,
        this.#options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** A new handshake inside the session that is about to end; calls in flight go on (spec §5.8). */
  async #renew(old: PushSession): Promise<void> {
    this.#renewing = true;
    try {
      const next = await this.#handshake((message) =>
        this.#ask(() => this.sendRecord(old.sealRenewal(message))),
      );
      if (!this.open) {
        next.destroy();
        return;
      }
      this.#adopt(next, old);
      this.#renewing = false;
      this.releaseInbound();
    } catch (error) {
      this.#renewing = false;
      // With a session that still lives there is time for another try.
      if (!this.open) return;
      if (old.remainingMs > RETRY_MIN_MS && isRefusal(error)) {
        this.#retryAt = performance.now() + Math.max(RETRY_MIN_MS, old.remainingMs / 4);
        this.#arm(Math.max(RETRY_MIN_MS, old.remainingMs / 4));
        this.onerror?.(error);
        this.releaseInbound();
      } else {
        this.fail(error);
      }
    }
  }

  #adopt(next: PushSession, old: PushSession | null): void {
    if (!this.open) {
      next.destroy();
      throw new TrustedSdkError("ERR_CLOSED", "The pipe is closed");
    }
    if (old !== null) {
      if (next.peer?.keyId !== old.peer?.keyId) {
        next.destroy();
        throw new TrustedSdkError(
          "ERR_PEER_CHANGED",
          "Another server answered the renewal than the one before",
        );
      }
      // Empty: the last record that this end sends in the old session.
      this.sendRecord(old.sealRenewal(new Uint8Array(0)));
      old.destroy();
    }
    this.receiving = next;
    this.#renewAheadMs = Math.min(next.remainingMs * RENEW_SHARE, RENEW_MAX_MS);
    this.#retryAt = 0;
    this.use(next);
    this.#arm(next.remainingMs - this.#renewAheadMs);
  }

  /** So that an idle pipe is renewed in time as well. */
  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.tend();
        // Timers fire early as well as late, and none is longer than 24 days.
        if (this.#renewing || !this.open) return;
        const { remainingMs } = this.sending ?? { remainingMs: 0 };
        this.#arm(
          Math.max(remainingMs - this.#renewAheadMs, this.#retryAt - performance.now(), TIMER_SLACK_MS),
        );
      },
      Math.min(Math.max(ms, 0) + 1, MAX_TIMER_MS),
    );
    this.#timer.unref();
  }
}

/** The server said no inside the session, so it has not moved on to another one. */
function isRefusal(error: unknown): error is Error {
  if (error instanceof ChannelError) return error.code === "ERR_REFUSED_BY_PEER";
  return error instanceof TrustedSdkError && error.code === "ERR_RENEWAL";
}

function misplaced(): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_NOT_TRUSTED",
    "A handshake message came where none belongs: somebody in between wrote to the pipe",
  );
}
