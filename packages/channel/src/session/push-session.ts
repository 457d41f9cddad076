import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import { wipe } from "@trusted-mcp/primitives/bytes";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { encapsulate, generateKemKeyPair, XWING, type KemKeyPair } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import type { AppraisalResult, Peer, Role } from "../ports.ts";
import { KIND, kindOf } from "../record/head.ts";
import { MAX_HANDSHAKE_BYTES } from "../suite.ts";
import { epochFrom, nextEpoch, wipeEpoch, type Epoch } from "./epoch.ts";
import { PushReceiver } from "./push-receiver.ts";
import { PushSender, type PushRecord } from "./push-sender.ts";

export interface PushSessionState {
  /** Which end this is. */
  readonly role: Role;
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly root: Uint8Array;
  /** Null: an anonymous client. */
  readonly peer: Peer | null;
  readonly audience: string;
  readonly appraisal: AppraisalResult | null;
  /** ms since the epoch. */
  readonly notAfter: number;
  /** Largest content the other end accepts, as far as it said so. */
  readonly maxSendBytes: number;
  /** Largest content accepted here. */
  readonly maxReceiveBytes: number;
  readonly clock: Clock;
}

/** What a record turned out to be. */
export type Pushed =
  /** One JSON-RPC message as UTF-8 text without line breaks. */
  | { readonly kind: "message"; readonly json: Uint8Array }
  /** A rekey went a step on; `reply` is to be sent before anything else is sealed. */
  | { readonly kind: "rekey"; readonly reply: PushRecord | null }
  /** A handshake message of the session that is to follow this one. Empty: see spec §5.8. */
  | { readonly kind: "renewal"; readonly message: Uint8Array }
  /** The other end sends nothing more. */
  | { readonly kind: "close" };

/** In-flight messages may come this long after the session's end; none is sealed after it (spec §5.8). */
const LATE_MS = 60_000;
const MAX_EPOCH = 2 ** 32 - 1;

/**
 * One end of a session over a pipe (spec §5.8): either end sends records when it likes, in order, and any line that
 * is not exactly the next one ends the session. It does no I/O: lines go in, records come out.
 */
export class PushSession {
  readonly id: string;
  readonly role: Role;
  readonly peer: Peer | null;
  readonly audience: string;
  readonly appraisal: AppraisalResult | null;
  /** ms since the epoch; neither rekeying nor anything else extends it. */
  readonly notAfter: number;
  readonly maxSendBytes: number;
  readonly #maxReceiveBytes: number;
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #sender: PushSender;
  readonly #receiver: PushReceiver;
  #sending: Epoch;
  #receiving: Epoch;
  #epochStarted: number;
  /** Client: a rekey waits for its answer. */
  #rekeying: KemKeyPair | null = null;
  #sentClose = false;
  #gotClose = false;
  #failed = false;
  #destroyed = false;

  constructor(state: PushSessionState) {
    this.id = base64url(state.id);
    this.role = state.role;
    this.peer = state.peer;
    this.audience = state.audience;
    this.appraisal = state.appraisal;
    this.notAfter = state.notAfter;
    this.maxSendBytes = state.maxSendBytes;
    this.#maxReceiveBytes = state.maxReceiveBytes;
    this.#clock = state.clock;
    this.#sender = new PushSender(state.role, state.id);
    this.#receiver = new PushReceiver(state.role === "client" ? "server" : "client", state.id);
    this.#sending = epochFrom(0, state.root);
    this.#receiving = this.#sending;
    this.#epochStarted = state.clock.monotonic();
    // Session-relative, as everywhere: a wall clock that jumps neither ends nor extends it (spec §5.5).
    this.#deadline = this.#epochStarted + (state.notAfter - state.clock.now());
  }

  /** ms until messages can no longer be sealed; negative afterwards. */
  get remainingMs(): number {
    return this.#deadline - this.#clock.monotonic();
  }

  /** Whether a message can be sealed now. */
  get live(): boolean {
    return !this.#sentClose && !this.#destroyed && this.remainingMs > 0;
  }

  /** ms since the current epoch began: when to rekey is the caller's policy. */
  get epochAge(): number {
    return this.#clock.monotonic() - this.#epochStarted;
  }

  get epoch(): number {
    return this.#sending.number;
  }

  get rekeying(): boolean {
    return this.#rekeying !== null;
  }

  /** True once the other end's close was opened: it did not just fall silent. */
  get closedByPeer(): boolean {
    return this.#gotClose;
  }

  /**
   * Seals one JSON-RPC message: UTF-8 without line breaks.
   *
   * @throws ChannelError ERR_RECORD_TOO_LARGE, ERR_SESSION_EXPIRED; the session goes on.
   */
  seal(json: Uint8Array): PushRecord {
    if (1 + json.length > this.maxSendBytes) {
      throw new ChannelError(
        "ERR_RECORD_TOO_LARGE",
        `The message has ${json.length} bytes; the other end accepts ${this.maxSendBytes - 1}`,
        { action: "fix" },
      );
    }
    if (!this.live)
      throw new ChannelError("ERR_SESSION_EXPIRED", "The session has ended", { action: "retry" });
    return this.#seal([Uint8Array.of(KIND.message), json]);
  }

  /** Carries a handshake message for the session that is to follow, also when this one's life is over. */
  sealRenewal(message: Uint8Array): PushRecord {
    return this.#seal([Uint8Array.of(KIND.renewal), message]);
  }

  /** The last record of this direction; null when it was sealed before. */
  close(): PushRecord | null {
    if (this.#sentClose || this.#destroyed) return null;
    const record = this.#seal([Uint8Array.of(KIND.close)]);
    this.#sentClose = true;
    return record;
  }

  /** Client: asks for fresh keys (spec §5.8); null while an earlier rekey is unanswered, or nothing can be sent. */
  rekey(): PushRecord | null {
    if (this.role !== "client" || this.#rekeying !== null || !this.live) return null;
    if (this.#sending.number >= MAX_EPOCH) return null;
    this.#rekeying = generateKemKeyPair();
    return this.#seal([Uint8Array.of(KIND.rekey), this.#rekeying.publicKey]);
  }

  /**
   * Opens one line: its header, if it begins a record, and its chunk. Gives what the record is once it is whole.
   *
   * @throws ChannelError for anything that is not exactly the next line; nothing is opened after that.
   */
  open(header: Uint8Array | null, chunk: Uint8Array): Pushed | null {
    if (this.#failed || this.#destroyed)
      throw new ChannelError("ERR_SESSION_EXPIRED", "The session has ended: nothing more is opened");
    this.#failed = true;
    const pushed = this.#open(header, chunk);
    this.#failed = false;
    return pushed;
  }

  /** Overwrites the keys; nothing is sealed or opened any more. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#rekeying?.wipe();
    this.#rekeying = null;
    wipeEpoch(this.#sending);
    wipeEpoch(this.#receiving);
  }

  #seal(parts: readonly Uint8Array[]): PushRecord {
    // Wiped keys are zeros, which anybody knows.
    if (this.#sentClose || this.#destroyed)
      throw new ChannelError("ERR_SESSION_EXPIRED", "This end has closed the session");
    return this.#sender.seal(this.#sending, parts);
  }

  #open(header: Uint8Array | null, chunk: Uint8Array): Pushed | null {
    if (this.#gotClose)
      throw new ChannelError("ERR_RECORD_TRAILING", "A line follows the record that closed the session");
    // While a rekey is not confirmed the server sends in the new epoch and still receives in the old one.
    const epochs = this.#sending === this.#receiving ? [this.#receiving] : [this.#receiving, this.#sending];
    const received = this.#receiver.take(header, chunk, epochs, (kind) => this.#limit(kind));
    return received === null ? null : this.#act(received.content, received.epoch);
  }

  #limit(kind: number): number {
    switch (kind) {
      case KIND.message:
        return this.#maxReceiveBytes;
      case KIND.renewal:
        return 1 + MAX_HANDSHAKE_BYTES;
      default:
        return 1 + XWING.publicKeyBytes;
    }
  }

  #act(content: Uint8Array, epoch: Epoch): Pushed {
    const kind = kindOf(content);
    const rest = content.subarray(1);
    // Only the record that confirms a rekey may be the first of the new epoch.
    if (epoch !== this.#receiving && kind !== KIND.rekey)
      throw new ChannelError("ERR_REKEY", "A record uses new keys before it confirmed them");
    switch (kind) {
      case KIND.message:
        if (this.remainingMs <= -LATE_MS)
          throw new ChannelError("ERR_SESSION_EXPIRED", "A message came after the end of its session");
        if (rest.includes(0x0a) || rest.includes(0x0d))
          throw new ChannelError("ERR_HEAD", "A message holds a line break: it would be read as two");
        return { kind: "message", json: rest };
      case KIND.rekey:
        return {
          kind: "rekey",
          reply: this.role === "client" ? this.#adopt(rest) : this.#serve(rest, epoch),
        };
      case KIND.renewal:
        return { kind: "renewal", message: rest };
      case KIND.close:
        if (rest.length > 0) throw new ChannelError("ERR_HEAD", "A close has content");
        this.#gotClose = true;
        return { kind: "close" };
      default:
        throw new ChannelError("ERR_HEAD", "A record is of an unknown kind");
    }
  }

  /** Server: answers a rekey, or takes its confirmation. */
  #serve(rest: Uint8Array, epoch: Epoch): PushRecord | null {
    const old = this.#receiving;
    const waiting = this.#sending !== old;
    if (waiting && epoch === this.#sending && rest.length === 0) {
      this.#receiving = this.#sending;
      this.#epochStarted = this.#clock.monotonic();
      wipeEpoch(old);
      return null;
    }
    if (waiting || rest.length !== XWING.publicKeyBytes || old.number >= MAX_EPOCH)
      throw new ChannelError("ERR_REKEY", "A rekey is malformed or comes at the wrong time");
    const { ciphertext, sharedSecret } = parsing("ERR_REKEY", "The client's key", () => encapsulate(rest));
    // The last record that this end sends under the old keys.
    const reply = this.#sentClose ? null : this.#seal([Uint8Array.of(KIND.rekey), ciphertext]);
    this.#sending = nextEpoch(old, rest, ciphertext, sharedSecret);
    wipe(old.root, old.serverToClient);
    return reply;
  }

  /** Client: takes the answer. Nothing comes, and nothing is sent, under the old keys after it. */
  #adopt(ciphertext: Uint8Array): PushRecord | null {
    const kem = this.#rekeying;
    if (kem === null || ciphertext.length !== XWING.ciphertextBytes)
      throw new ChannelError("ERR_REKEY", "The server's answer to a rekey is not one");
    const shared = parsing("ERR_REKEY", "The server's ciphertext", () => kem.decapsulate(ciphertext));
    const old = this.#sending;
    this.#sending = nextEpoch(old, kem.publicKey, ciphertext, shared);
    this.#receiving = this.#sending;
    this.#epochStarted = this.#clock.monotonic();
    wipeEpoch(old);
    kem.wipe();
    this.#rekeying = null;
    return this.#sentClose ? null : this.#seal([Uint8Array.of(KIND.rekey)]);
  }
}
