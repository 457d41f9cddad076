import { random } from "@trusted-mcp/primitives/bytes";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import type { AppraisalResult, Peer } from "../ports.ts";
import { ChunkOpener, ChunkSealer, openWhole } from "../record/chunk.ts";
import { encodeRefusal, KIND, kindOf, type RefusalCode } from "../record/head.ts";
import { encodeResponseHeader, RANDOM_BYTES, type RequestHeader } from "../record/header.ts";
import { ReplayWindow } from "../replay-window.ts";
import { requestKey, responseKey, type Epoch } from "./epoch.ts";
import { Epochs } from "./epochs.ts";

export interface ResponderSessionState {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly root: Uint8Array;
  readonly framing: number;
  /** Null: an anonymous client. */
  readonly peer: Peer | null;
  readonly audience: string;
  readonly appraisal: AppraisalResult | null;
  /** ms since the epoch. */
  readonly notAfter: number;
  readonly maxMessageBytes: number;
  readonly resumed: boolean;
  readonly clock: Clock;
}

/** What a request record turned out to be. Content exists only for a fresh one. */
export type Opened =
  | { readonly kind: "message"; readonly content: Uint8Array; readonly answer: Answer }
  | { readonly kind: "handled"; readonly answer: Answer; readonly reply: Uint8Array[] }
  | { readonly kind: "closed"; readonly answer: Answer; readonly reply: Uint8Array[] };

/** A record that opened under the session's keys. Nothing of it may have an effect before its number is marked. */
export interface Authentic {
  readonly epoch: number;
  readonly content: Uint8Array;
  readonly answer: Answer;
}

/** Seals the one answer to one request. */
export interface Answer {
  /** 17 bytes, in clear. */
  readonly header: Uint8Array;
  seal(parts: readonly Uint8Array[], final: boolean): Uint8Array[];
}

/** The server's end of an established channel (spec §5). */
export class ResponderSession {
  readonly id: string;
  readonly framing: number;
  readonly peer: Peer | null;
  readonly audience: string;
  readonly appraisal: AppraisalResult | null;
  readonly notAfter: number;
  readonly resumed: boolean;
  readonly #maxMessageBytes: number;
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #window = new ReplayWindow();
  #epochs: Epochs;
  #closed = false;
  /** Monotonic ms of the last authentic record. */
  lastUsed: number;

  /** @param epochs - of a session that another node opened; default: epoch 0 of `root`. */
  constructor(state: ResponderSessionState, epochs: Epochs = new Epochs(state.clock, state.root)) {
    this.id = base64url(state.id);
    this.framing = state.framing;
    this.peer = state.peer;
    this.audience = state.audience;
    this.appraisal = state.appraisal;
    this.notAfter = state.notAfter;
    this.resumed = state.resumed;
    this.#maxMessageBytes = state.maxMessageBytes;
    this.#clock = state.clock;
    this.#epochs = epochs;
    this.lastUsed = state.clock.monotonic();
    this.#deadline = this.lastUsed + (state.notAfter - state.clock.now());
  }

  get live(): boolean {
    return !this.#closed && this.#clock.monotonic() < this.#deadline;
  }

  get epoch(): number {
    return this.#epochs.number;
  }

  /** The keys. A session that nodes share gets new ones when another node rekeyed. */
  get epochs(): Epochs {
    return this.#epochs;
  }

  /** Puts other keys in place of these, which are erased. */
  replaceEpochs(epochs: Epochs): void {
    this.#epochs.wipe();
    this.#epochs = epochs;
    if (this.#closed) epochs.wipe();
  }

  /**
   * Opens one request record, whole. Order matters: authenticate, then check the window, then act.
   *
   * @throws ChannelError for anything not authentic; nothing of it was released.
   */
  open(headerBytes: Uint8Array, header: RequestHeader, chunks: Uint8Array): Opened {
    const authentic = this.authenticate(headerBytes, header, chunks);
    if (!this.mark(header.sequence)) return refuse(authentic.answer, 1);
    this.#epochs.confirm(authentic.epoch);
    const { answer, content, epoch } = authentic;
    switch (kindOf(content)) {
      case KIND.message:
        return { kind: "message", content, answer };
      case KIND.rekey:
        return rekeyed(answer, this.#epochs.rekey(epoch, header.sequence, content));
      case KIND.close:
        this.destroy();
        return { kind: "closed", answer, reply: answer.seal([Uint8Array.of(KIND.close)], true) };
      default:
        return refuse(answer, 3);
    }
  }

  /**
   * The first half of `open`, for a session whose window lies in a store that nodes share.
   *
   * @throws ChannelError for anything not authentic.
   */
  authenticate(headerBytes: Uint8Array, header: RequestHeader, chunks: Uint8Array): Authentic {
    if (!this.live) throw new ChannelError("ERR_SESSION_EXPIRED", "The session has ended");
    const epoch = this.#epochs.find(header.epoch);
    const opener = new ChunkOpener(requestKey(epoch, header.sequenceBytes, header.random), headerBytes);
    const content = openWhole(opener, chunks, this.#maxMessageBytes);
    return { epoch: header.epoch, content, answer: this.#answer(epoch, header, opener.firstTag) };
  }

  /** Marks a number in this node's window; false: seen here before, or too old to tell. */
  mark(sequence: number): boolean {
    if (!this.#window.admit(sequence)) return false;
    this.lastUsed = this.#clock.monotonic();
    return true;
  }

  /** Overwrites the keys; every later record is refused. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The answer to a close derives its key before this point, so nothing here is needed again.
    this.#epochs.wipe();
  }

  /** The answer's key is fresh even when a request is seen twice: its random bytes are made here. */
  #answer(epoch: Epoch, header: RequestHeader, firstTag: Uint8Array): Answer {
    const fresh = random(RANDOM_BYTES);
    const responseHeader = encodeResponseHeader(fresh);
    const key = responseKey(epoch, header.sequenceBytes, header.random, firstTag, fresh);
    const sealer = new ChunkSealer(key, responseHeader);
    return { header: responseHeader, seal: (parts, final) => sealer.seal(parts, final) };
  }
}

/** The answer to a rekey: the ciphertext, or a refusal. */
export function rekeyed(answer: Answer, ciphertext: Uint8Array | null): Opened {
  if (ciphertext === null) return refuse(answer, 3);
  return { kind: "handled", answer, reply: answer.seal([Uint8Array.of(KIND.rekey), ciphertext], true) };
}

export function refuse(answer: Answer, code: RefusalCode): Opened {
  return { kind: "handled", answer, reply: answer.seal([encodeRefusal(code)], true) };
}
