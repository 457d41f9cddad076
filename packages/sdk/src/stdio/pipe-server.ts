import {
  FRAMING_LINES,
  handshakeAnswerLine,
  LINE_REFUSED,
  Responder,
  type HandshakeEvent,
  type LineFrame,
  type PushSession,
} from "@trusted-mcp/channel";
import { TrustedSdkError } from "../error.ts";
import { REFUSED_MESSAGE } from "../wire.ts";
import type { Carrier } from "./carrier.ts";
import type { TrustedPipeServerOptions } from "./options.ts";
import { SealedPipe } from "./sealed-pipe.ts";

/** Where a pipe's handshakes come from, in events. */
const SOURCE = "pipe";
const DEFAULT_MAX_MESSAGE = 4 * 1024 * 1024;

/** The server's end of a sealed pipe. Nothing is passed on before the client has proved who it is. */
export class PipeServer extends SealedPipe {
  readonly #responder: Responder;
  #opened: PushSession | null = null;
  #handling = false;
  /** Keys that were taken off while a handshake was under way, which may have accepted them before. */
  readonly #revoked = new Set<string>();
  #refused: Extract<HandshakeEvent, { outcome: "refused" }> | null = null;

  constructor(carrier: Carrier, options: TrustedPipeServerOptions) {
    super(carrier, options);
    const { identity, clients, clientAuth, evidence, appraiser, lifetimeMs, audience } = options;
    const audiences = typeof audience === "string" ? [audience] : audience;
    if (audiences.length === 0 || audiences.includes("")) {
      const message =
        "A trusted pipe needs an audience: a name, such as stdio:weather, that its clients know it by";
      throw new TrustedSdkError("ERR_CONFIGURATION", message, { action: "fix" });
    }
    this.#responder = new Responder({
      audiences,
      identity,
      clients,
      framings: [FRAMING_LINES],
      // Tickets would outlive nothing here: a pipe has one session at a time.
      tickets: false,
      limits: { maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE },
      ...(clientAuth && { clientAuth }),
      ...(evidence && { evidence }),
      ...(appraiser && { appraiser }),
      ...(lifetimeMs !== undefined && { lifetimeMs }),
      onPipe: (session) => void (this.#opened = session),
      onHandshake: (event) => {
        if (event.outcome === "refused") this.#refused = event;
        options.onHandshake?.(event);
      },
    });
  }

  /** Ends the pipe at once if this is its client's key: nothing more is said on it, and nothing heard. */
  revoke(keyId: string): boolean {
    if (this.#handling || this.#opened !== null) this.#revoked.add(keyId);
    if (!this.open || this.sending?.peer?.keyId !== keyId) return false;
    this.fail(revoked());
    return true;
  }

  protected override takeFrame(frame: Exclude<LineFrame, { kind: "push" }>): void {
    if (frame.kind === "handshake" && this.sending === null) {
      if (this.#handling) throw misplaced();
      void this.#begin(frame.id, frame.message);
      return;
    }
    if (frame.kind !== "foreign") throw misplaced();
    const error = new TrustedSdkError(
      "ERR_PLAINTEXT_REFUSED",
      "Plain MCP came over the pipe and was refused: the client does not speak trusted-mcp/1, or somebody in between wrote to the pipe",
      { action: "fix" },
    );
    // A plain client that waits for an answer learns why there is none; later nobody honest sends this.
    if (this.sending === null && !this.#handling && frame.id !== null) void this.#refuse(frame.id, error);
    else throw error;
  }

  protected override takeRenewal(message: Uint8Array): void {
    const old = this.receiving;
    if (old === null || this.#handling) throw misplaced();
    if (message.length > 0) {
      // Between two sessions there is nothing to renew.
      if (this.sending !== old) throw misplaced();
      void this.#renew(old, message);
      return;
    }
    if (this.sending === old) throw misplaced();
    this.receiving = this.sending;
    old.destroy();
  }

  /** The client renews; this end waits for it. */
  protected override tend(): void {}

  protected override refusedToStart(): boolean {
    this.#opened?.destroy();
    this.#opened = null;
    return false;
  }

  async #begin(id: string | number, message: Uint8Array): Promise<void> {
    let answer: Uint8Array;
    try {
      answer = await this.#handle(message);
    } catch (error) {
      await this.#refuse(id, error);
      return;
    }
    const session = this.#take();
    if (!this.open) return;
    const sent = this.sendLine(handshakeAnswerLine(id, answer)).catch(() => undefined);
    if (session !== null) {
      this.receiving = session;
      this.use(session);
    } else if (this.#refused !== null) {
      // The answer was an alert: it says why to the one client that can open it.
      const { reason } = this.#refused;
      await sent;
      this.fail(
        new TrustedSdkError("ERR_NOT_TRUSTED", `The client was refused: ${reason}`, { action: "fix" }),
      );
    }
  }

  /** Says no, and ends the pipe: whatever came, it was no start of a session. */
  async #refuse(id: string | number, error: unknown): Promise<void> {
    this.#handling = true;
    const refusal = { code: LINE_REFUSED, message: REFUSED_MESSAGE };
    await this.sendLine({ jsonrpc: "2.0", id, error: refusal }).catch(() => undefined);
    this.fail(error);
  }

  async #renew(old: PushSession, message: Uint8Array): Promise<void> {
    // An empty answer refuses; the session goes on until its end.
    const answer = await this.#handle(message).catch(() => new Uint8Array(0));
    const next = this.#take();
    if (!this.open) return;
    if (next !== null && (next.peer?.keyId !== old.peer?.keyId || next.audience !== old.audience)) {
      next.destroy();
      this.fail(
        new TrustedSdkError("ERR_PEER_CHANGED", "Another client began the renewal than the one before"),
      );
      return;
    }
    this.sendRecord(old.sealRenewal(answer));
    // What opens the session is the last record that this end sends in the old one.
    if (next !== null) this.use(next);
  }

  async #handle(message: Uint8Array): Promise<Uint8Array> {
    this.#handling = true;
    this.#refused = null;
    this.#revoked.clear();
    try {
      return await this.#responder.handle(message, SOURCE);
    } finally {
      this.#handling = false;
    }
  }

  /** The session that a handshake opened; it is wiped where the pipe is over, or its client's key was taken off. */
  #take(): PushSession | null {
    const session = this.#opened;
    this.#opened = null;
    if (session !== null && this.#revoked.has(session.peer?.keyId ?? "")) this.fail(revoked());
    if (this.open) return session;
    session?.destroy();
    return null;
  }
}

function revoked(): TrustedSdkError {
  return new TrustedSdkError("ERR_CLOSED", "The client's key was taken off the list, and its pipe ended");
}

function misplaced(): TrustedSdkError {
  return new TrustedSdkError(
    "ERR_NOT_TRUSTED",
    "A handshake message came where none belongs: the client is faulty, or somebody in between wrote to the pipe",
  );
}
