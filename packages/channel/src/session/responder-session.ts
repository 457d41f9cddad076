import { random } from "@trusted-mcp/primitives/bytes";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { encapsulate, XWING } from "@trusted-mcp/primitives/kem";
import { ChannelError } from "../error.ts";
import type { AppraisalResult, Peer } from "../ports.ts";
import { ChunkOpener, ChunkSealer, openWhole } from "../record/chunk.ts";
import { encodeRefusal, KIND, kindOf, type RefusalCode } from "../record/head.ts";
import { encodeResponseHeader, RANDOM_BYTES, type RequestHeader } from "../record/header.ts";
import { ReplayWindow } from "../replay-window.ts";
import { epochFrom, nextEpoch, requestKey, responseKey, wipeEpoch, type Epoch } from "./epoch.ts";

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

/** How long an old epoch still opens records after the first record of the next one (spec §5.4). */
const OLD_EPOCH_MS = 60_000;

/** What a request record turned out to be. Content exists only for a fresh one. */
export type Opened =
  | { readonly kind: "message"; readonly content: Uint8Array; readonly answer: Answer }
  | { readonly kind: "handled"; readonly answer: Answer; readonly reply: Uint8Array[] }
  | { readonly kind: "closed"; readonly answer: Answer; readonly reply: Uint8Array[] };

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
  #current: Epoch;
  #next: Epoch | null = null;
  #old: { epoch: Epoch; until: number } | null = null;
  #lastRekey = -1;
  #closed = false;
  /** Monotonic ms of the last authentic record. */
  lastUsed: number;

  constructor(state: ResponderSessionState) {
    this.id = base64url(state.id);
    this.framing = state.framing;
    this.peer = state.peer;
    this.audience = state.audience;
    this.appraisal = state.appraisal;
    this.notAfter = state.notAfter;
    this.resumed = state.resumed;
    this.#maxMessageBytes = state.maxMessageBytes;
    this.#clock = state.clock;
    this.#current = epochFrom(0, state.root);
    this.lastUsed = state.clock.monotonic();
    this.#deadline = this.lastUsed + (state.notAfter - state.clock.now());
  }

  get live(): boolean {
    return !this.#closed && this.#clock.monotonic() < this.#deadline;
  }

  get epoch(): number {
    return this.#current.number;
  }

  /**
   * Opens one request record, whole. Order matters: authenticate, then check the window, then act.
   *
   * @throws ChannelError for anything not authentic; nothing of it was released.
   */
  open(headerBytes: Uint8Array, header: RequestHeader, chunks: Uint8Array): Opened {
    if (!this.live) throw new ChannelError("ERR_SESSION_EXPIRED", "The session has ended");
    const epoch = this.#epochFor(header.epoch);
    const opener = new ChunkOpener(requestKey(epoch, header.sequenceBytes, header.random), headerBytes);
    const content = openWhole(opener, chunks, this.#maxMessageBytes);
    const answer = this.#answer(epoch, header, opener.firstTag);
    if (!this.#window.admit(header.sequence)) return refuse(answer, 1);
    this.lastUsed = this.#clock.monotonic();
    this.#confirm(epoch);
    switch (kindOf(content)) {
      case KIND.message:
        return { kind: "message", content, answer };
      case KIND.rekey:
        return { kind: "handled", answer, reply: this.#rekey(epoch, header.sequence, content, answer) };
      case KIND.close:
        this.destroy();
        return { kind: "closed", answer, reply: answer.seal([Uint8Array.of(KIND.close)], true) };
      default:
        return refuse(answer, 3);
    }
  }

  /** Overwrites the keys; every later record is refused. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The answer to a close derives its key before this point, so nothing here is needed again.
    for (const epoch of [this.#current, this.#next, this.#old?.epoch]) if (epoch) wipeEpoch(epoch);
  }

  /** The answer's key is fresh even when a request is seen twice: its random bytes are made here. */
  #answer(epoch: Epoch, header: RequestHeader, firstTag: Uint8Array): Answer {
    const fresh = random(RANDOM_BYTES);
    const responseHeader = encodeResponseHeader(fresh);
    const key = responseKey(epoch, header.sequenceBytes, header.random, firstTag, fresh);
    const sealer = new ChunkSealer(key, responseHeader);
    return { header: responseHeader, seal: (parts, final) => sealer.seal(parts, final) };
  }

  #epochFor(number: number): Epoch {
    if (number === this.#current.number) return this.#current;
    if (number === this.#next?.number) return this.#next;
    if (this.#old !== null && this.#clock.monotonic() >= this.#old.until) {
      wipeEpoch(this.#old.epoch);
      this.#old = null;
    }
    if (number === this.#old?.epoch.number) return this.#old.epoch;
    throw new ChannelError("ERR_EPOCH", "The record's key epoch is not in use");
  }

  /** The first authentic record of the next epoch shows that the client has its keys. */
  #confirm(epoch: Epoch): void {
    if (epoch !== this.#next) return;
    if (this.#old !== null) wipeEpoch(this.#old.epoch);
    this.#old = { epoch: this.#current, until: this.#clock.monotonic() + OLD_EPOCH_MS };
    this.#current = epoch;
    this.#next = null;
  }

  #rekey(epoch: Epoch, sequence: number, content: Uint8Array, answer: Answer): Uint8Array[] {
    // A delayed rekey that comes after a newer one must not replace the keys the client already uses.
    const stale = sequence < this.#lastRekey;
    if (stale || epoch !== this.#current || content.length !== 1 + XWING.publicKeyBytes)
      return answer.seal([encodeRefusal(3)], true);
    this.#lastRekey = sequence;
    const publicKey = content.subarray(1);
    try {
      const { ciphertext, sharedSecret } = encapsulate(publicKey);
      if (this.#next !== null) wipeEpoch(this.#next);
      this.#next = nextEpoch(this.#current, publicKey, ciphertext, sharedSecret);
      return answer.seal([Uint8Array.of(KIND.rekey), ciphertext], true);
    } catch {
      return answer.seal([encodeRefusal(3)], true);
    }
  }
}

function refuse(answer: Answer, code: RefusalCode): Opened {
  return { kind: "handled", answer, reply: answer.seal([encodeRefusal(code)], true) };
}
