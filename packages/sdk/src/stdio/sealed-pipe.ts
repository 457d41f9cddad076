import {
  parseLine,
  type LineFrame,
  type LineMessage,
  type Pushed,
  type PushRecord,
  type PushSession,
} from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import type { Carrier } from "./carrier.ts";
import { Outbox } from "./outbox.ts";

const DEFAULT_BACKLOG = 64 * 1024 * 1024;
/** How long a goodbye may wait for a reader that is slow or gone. */
const GOODBYE_MS = 1000;

export interface PipeLimits {
  /** Largest message accepted, in bytes. Default 64 MiB for a client, 4 MiB for a server. */
  readonly maxMessageBytes?: number;
  /** Bytes that may wait for a slow other end before the pipe is given up. Default 64 MiB. */
  readonly maxBacklogBytes?: number;
}

interface Held {
  readonly json: Uint8Array;
  readonly sent: (outcome: Promise<void>) => void;
}

/**
 * One end of a sealed pipe (spec §5.8): JSON-RPC messages as UTF-8 in and out, lines of the channel on the carrier.
 * Whatever is not exactly the next line of the session ends the pipe with a code; nothing of it is passed on.
 */
export abstract class SealedPipe {
  onjson: ((json: Uint8Array) => void) | undefined;
  onerror: ((error: Error) => void) | undefined;
  onclose: (() => void) | undefined;
  protected readonly carrier: Carrier;
  /** The session under which this end seals; null before the first handshake is done. */
  protected sending: PushSession | null = null;
  /** The session under which it opens: for a moment in a renewal this is still the old one. */
  protected receiving: PushSession | null = null;
  readonly #outbox: Outbox;
  readonly #maxBacklog: number;
  #held: Held[] = [];
  #heldBytes = 0;
  #inbound: LineFrame[] | null = null;
  #inboundBytes = 0;
  #over = false;
  #told = false;
  #closing: Promise<void> | null = null;

  constructor(carrier: Carrier, limits: PipeLimits) {
    this.carrier = carrier;
    this.#maxBacklog = limits.maxBacklogBytes ?? DEFAULT_BACKLOG;
    this.#outbox = new Outbox(
      // The carrier's own message type is one of the SDKs'; every line of ours is of that form.
      (line) => carrier.send(line as never),
      (error) => this.fail(error),
    );
  }

  /** The session in use; null before the handshake is done. */
  get session(): PushSession | null {
    return this.sending;
  }

  /** False once the pipe was closed, was cut, or failed. */
  get open(): boolean {
    return !this.#over;
  }

  /** A frame that is no record of the session: handshakes, and what does not belong here. */
  protected abstract takeFrame(frame: Exclude<LineFrame, { kind: "push" }>): void;
  protected abstract takeRenewal(message: Uint8Array): void;
  /** Called after each record, and before each message: to renew keys and sessions in time. */
  protected abstract tend(): void;
  /** The error that ends the pipe before it was open. */
  protected abstract refusedToStart(error: Error): boolean;

  async start(): Promise<void> {
    const { carrier } = this;
    carrier.onmessage = (line: unknown) => this.#take(() => parseLine(line));
    carrier.onerror = (error) => this.#carrierFailed(error);
    carrier.onclose = () => this.#carrierClosed();
    await carrier.start();
  }

  /**
   * Seals and sends one JSON-RPC message: UTF-8 without line breaks. Resolves when the carrier took it. It waits
   * while there is no session that could carry it.
   *
   * @throws ChannelError ERR_RECORD_TOO_LARGE; TrustedSdkError ERR_CLOSED.
   */
  async send(json: Uint8Array): Promise<void> {
    if (this.#over) throw new TrustedSdkError("ERR_CLOSED", "The pipe is closed");
    this.tend();
    if (this.#behind) {
      const error = this.#unread();
      this.fail(error);
      throw error;
    }
    if (this.sending?.live === true && this.#held.length === 0) {
      await this.#outbox.record(this.sending.seal(json));
      return;
    }
    this.#heldBytes += json.length;
    await new Promise<void>((resolve, reject) => {
      this.#held.push({ json, sent: (outcome) => void outcome.then(resolve, reject) });
    });
  }

  /** Ends the session in order, then the carrier. */
  async close(): Promise<void> {
    await (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.#over) {
      const goodbye = this.sending?.close() ?? null;
      if (goodbye !== null) await within(GOODBYE_MS, this.#outbox.record(goodbye));
      const closed = new TrustedSdkError("ERR_CLOSED", "The pipe was closed");
      this.#finish(closed);
      this.refusedToStart(closed);
    }
    await this.carrier.close();
    this.#tellClosed();
  }

  /** Also bounded: what the other end asks for without reading the answers, rekeys and renewals, costs it the pipe. */
  protected sendRecord(record: PushRecord | null): void {
    if (record === null) return;
    if (this.#behind) this.fail(this.#unread());
    else void this.#outbox.record(record).catch(() => undefined);
  }

  get #behind(): boolean {
    return this.#outbox.bytes + this.#heldBytes > this.#maxBacklog;
  }

  #unread(): TrustedSdkError {
    return new TrustedSdkError(
      "ERR_BACKLOG",
      `The other end of the pipe does not read: more than ${this.#maxBacklog} bytes wait for it`,
      { action: "retry" },
    );
  }

  protected async sendLine(line: LineMessage): Promise<void> {
    await this.#outbox.line(line);
  }

  /** From here on this end seals under `session`: what waited goes out. */
  protected use(session: PushSession): void {
    this.sending = session;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const [at, { json, sent }] of held.entries()) {
      if (!session.live) {
        // It ended meanwhile; the rest waits for the next one.
        this.#held.push(...held.slice(at));
        for (const rest of held.slice(at)) this.#heldBytes += rest.json.length;
        return;
      }
      sent(this.#sealed(session, json));
    }
  }

  async #sealed(session: PushSession, json: Uint8Array): Promise<void> {
    await this.#outbox.record(session.seal(json));
  }

  /** Lines that come from now on wait: what they mean depends on what is still being worked on. */
  protected holdInbound(): void {
    this.#inbound ??= [];
  }

  protected releaseInbound(): void {
    const frames = this.#inbound ?? [];
    this.#inbound = null;
    this.#inboundBytes = 0;
    for (const frame of frames) this.#take(() => frame);
  }

  /** The pipe is over, for this reason. The other end is told nothing: it sees the pipe end. */
  protected fail(reason: unknown): void {
    if (this.#over) return;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#finish(error);
    if (!this.refusedToStart(error) && this.#closing === null) this.onerror?.(error);
    void this.carrier
      .close()
      .catch(() => undefined)
      .finally(() => this.#tellClosed());
  }

  #take(parse: () => LineFrame): void {
    if (this.#over) return;
    try {
      const frame = parse();
      if (this.#inbound === null) this.#act(frame);
      else this.#hold(this.#inbound, frame);
    } catch (error) {
      this.fail(error);
    }
  }

  #hold(frames: LineFrame[], frame: LineFrame): void {
    this.#inboundBytes += LINE_OVERHEAD + (frame.kind === "push" ? frame.chunk.length : 0);
    if (this.#inboundBytes > this.#maxBacklog)
      throw new TrustedSdkError(
        "ERR_BACKLOG",
        "The other end sends more than this end can hold in a handshake",
      );
    frames.push(frame);
  }

  #act(frame: LineFrame): void {
    if (frame.kind !== "push") {
      this.takeFrame(frame);
      return;
    }
    if (this.receiving === null)
      throw new TrustedSdkError("ERR_NOT_TRUSTED", "A sealed record came before the handshake was done");
    const pushed = this.receiving.open(frame.header, frame.chunk);
    if (pushed !== null) this.#actOn(pushed);
  }

  #actOn(pushed: Pushed): void {
    switch (pushed.kind) {
      case "message":
        this.#deliver(pushed.json);
        break;
      case "rekey":
        this.sendRecord(pushed.reply);
        break;
      case "renewal":
        this.takeRenewal(pushed.message);
        break;
      case "close":
        void this.close();
        return;
    }
    this.tend();
  }

  /** What a handler throws is its own affair: the message was authentic. */
  #deliver(json: Uint8Array): void {
    try {
      this.onjson?.(json);
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #carrierFailed(error: Error): void {
    if (this.#over) return;
    if (!(error instanceof SyntaxError) && error.name !== "ZodError") {
      this.onerror?.(error);
      return;
    }
    this.fail(
      new TrustedSdkError(
        "ERR_NOT_TRUSTED",
        "Something on the pipe is no line of trusted-mcp/1: most often a program at the other end prints a greeting or a log to its standard output, where only the channel may write",
        { action: "fix", cause: error },
      ),
    );
  }

  #carrierClosed(): void {
    if (!this.#over && this.#closing === null) {
      const early = this.sending === null;
      const error = new TrustedSdkError(
        early ? "ERR_UNREACHABLE" : "ERR_PIPE_CUT",
        early
          ? "The pipe ended before the handshake was done: the command at its other end is missing, ended, or does not speak trusted-mcp/1; what it wrote to its standard error says more"
          : "The pipe ended without a goodbye: it was cut, or the process at its other end died. Calls under way may or may not have run",
        { action: "retry" },
      );
      this.#finish(error);
      if (!this.refusedToStart(error)) this.onerror?.(error);
    }
    // A close under way tells it when it is done.
    if (this.#closing === null) this.#tellClosed();
  }

  #finish(reason: Error): void {
    this.#over = true;
    this.sending?.destroy();
    this.receiving?.destroy();
    this.#inbound = null;
    this.#outbox.clear(reason);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { sent } of held) sent(Promise.reject(reason));
  }

  #tellClosed(): void {
    if (this.#told) return;
    this.#told = true;
    this.onclose?.();
  }
}

/** What a held line costs beside its bytes. */
const LINE_OVERHEAD = 256;

/** Waits for `work`, but not longer. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
