import { random, wipe } from "@trusted-mcp/primitives/bytes";
import { encode as base64url } from "@trusted-mcp/primitives/base64url";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { generateKemKeyPair, XWING } from "@trusted-mcp/primitives/kem";
import { ChannelError, parsing } from "../error.ts";
import type { ResumptionTicket } from "../handshake/ticket.ts";
import type { AppraisalResult, Peer } from "../ports.ts";
import { ChunkOpener, ChunkSealer, openWhole } from "../record/chunk.ts";
import { KIND, kindOf } from "../record/head.ts";
import {
  encodeRequestHeader,
  parseResponseHeader,
  RANDOM_BYTES,
  RESPONSE_HEADER_BYTES,
} from "../record/header.ts";
import { epochFrom, LAST_EPOCH, nextEpoch, requestKey, responseKey, wipeEpoch, type Epoch } from "./epoch.ts";

/** Numbers kept for what is under way, and for the goodbye, when a session's sequence nears its end. */
const RESERVE = 4096;

export interface InitiatorSessionState {
  readonly id: Uint8Array;
  readonly root: Uint8Array;
  readonly framing: number;
  readonly peer: Peer;
  readonly appraisal: AppraisalResult | null;
  readonly notAfter: number;
  readonly maxMessageBytes: number;
  readonly idleMs: number;
  readonly resumed: boolean;
  readonly ticket: ResumptionTicket | null;
  readonly clock: Clock;
  /** Where the numbers begin; default 0 and 0, as the protocol has it. For tests of what happens at their ends. */
  readonly start?: { readonly epoch: number; readonly sequence: number };
}

/** A sealed request as it goes on the wire, and what opens its answer. */
export interface InitiatorExchange {
  /** 45 bytes, in clear, authenticated. */
  readonly header: Uint8Array;
  /** u24 length ‖ chunk, repeated. */
  readonly chunks: readonly Uint8Array[];
  /** Opener for the answer that starts with this 17-byte header. Of one exchange, one answer opens. */
  openResponse(header: Uint8Array): ChunkOpener;
  /** Call before the identical bytes are sent again: one more answer then opens (spec §8.2). */
  repeat(): void;
}

/** The client's end of an established channel (spec §5). */
export class InitiatorSession {
  readonly id: string;
  readonly framing: number;
  /** The authenticated server. */
  readonly peer: Peer;
  readonly appraisal: AppraisalResult | null;
  /** ms since the epoch; rekeying never extends it. */
  readonly notAfter: number;
  readonly maxMessageBytes: number;
  readonly idleMs: number;
  readonly resumed: boolean;
  readonly #ticket: ResumptionTicket | null;
  readonly #idBytes: Uint8Array;
  readonly #clock: Clock;
  readonly #deadline: number;
  #epoch: Epoch;
  #sequence = 0;
  #lastUsed: number;
  #epochStarted: number;
  #closed = false;
  #destroyed = false;
  #rekeying = false;

  constructor(state: InitiatorSessionState) {
    this.id = base64url(state.id);
    this.framing = state.framing;
    this.peer = state.peer;
    this.appraisal = state.appraisal;
    this.notAfter = state.notAfter;
    this.maxMessageBytes = state.maxMessageBytes;
    this.idleMs = state.idleMs;
    this.resumed = state.resumed;
    this.#ticket = state.ticket;
    this.#idBytes = state.id;
    this.#clock = state.clock;
    this.#epoch = epochFrom(state.start?.epoch ?? 0, state.root);
    this.#sequence = state.start?.sequence ?? 0;
    this.#lastUsed = state.clock.monotonic();
    this.#epochStarted = this.#lastUsed;
    // Session-relative: a wall clock that jumps neither ends nor extends the session (spec §5.5).
    this.#deadline = this.#lastUsed + (state.notAfter - state.clock.now());
  }

  /** For one later handshake. A getter, so that a session that somebody logs does not show the secret. */
  get ticket(): ResumptionTicket | null {
    return this.#ticket;
  }

  get epoch(): number {
    return this.#epoch.number;
  }

  /** ms since the current epoch began: when to rekey is the caller's policy. */
  get epochAge(): number {
    return this.#clock.monotonic() - this.#epochStarted;
  }

  /** False when a new session must be opened first; a margin keeps a request from arriving late. */
  get usable(): boolean {
    const now = this.#clock.monotonic();
    const spent = this.#sequence > Number.MAX_SAFE_INTEGER - RESERVE;
    return !this.#closed && !spent && now + 1000 < this.#deadline && now - this.#lastUsed < this.idleMs * 0.9;
  }

  /**
   * Seals one request under its own key.
   *
   * @throws ChannelError ERR_RECORD_TOO_LARGE, ERR_SESSION_EXPIRED.
   */
  seal(parts: readonly Uint8Array[]): InitiatorExchange {
    let size = 0;
    for (const part of parts) size += part.length;
    if (size > this.maxMessageBytes) {
      throw new ChannelError(
        "ERR_RECORD_TOO_LARGE",
        `The message has ${size} bytes; this server accepts ${this.maxMessageBytes}`,
        { action: "fix" },
      );
    }
    if (this.#closed || this.#clock.monotonic() >= this.#deadline) {
      throw new ChannelError("ERR_SESSION_EXPIRED", "The session has ended", { action: "retry" });
    }
    // A number is never used twice (spec §5.1): after the last one there is none.
    if (this.#sequence > Number.MAX_SAFE_INTEGER)
      throw new ChannelError("ERR_SESSION_EXPIRED", "The session has no sequence number left", {
        action: "retry",
      });
    const epoch = this.#epoch;
    const nonce = random(RANDOM_BYTES);
    const header = encodeRequestHeader(this.#idBytes, epoch.number, this.#sequence, nonce);
    this.#sequence += 1;
    this.#lastUsed = this.#clock.monotonic();
    const sequence = header.subarray(21, 29);
    const sealer = new ChunkSealer(requestKey(epoch, sequence, nonce), header);
    const chunks = sealer.seal(parts, true);
    let answered = false;
    return {
      header,
      chunks,
      repeat: () => {
        answered = false;
      },
      openResponse: (responseHeader) => {
        if (answered) throw new ChannelError("ERR_REPLAY", "A second answer came for one request");
        // Wiped keys are zeros, which anybody knows: an answer under them would be anybody's.
        if (this.#destroyed) throw new ChannelError("ERR_SESSION_EXPIRED", "The session's keys are gone");
        answered = true;
        const fresh = parseResponseHeader(responseHeader);
        return new ChunkOpener(responseKey(epoch, sequence, nonce, sealer.firstTag, fresh), responseHeader);
      },
    };
  }

  /**
   * Mixes a fresh X-Wing secret into the keys (spec §5.4). One at a time.
   *
   * @param send - carries a sealed exchange to the server; returns response header ‖ chunks.
   */
  async rekey(send: (exchange: InitiatorExchange) => Promise<Uint8Array>): Promise<void> {
    if (this.#rekeying) return;
    if (this.#epoch.number >= LAST_EPOCH)
      throw new ChannelError("ERR_REKEY", "The session has had its last epoch; a new session gives new keys");
    this.#rekeying = true;
    const kem = generateKemKeyPair();
    try {
      const current = this.#epoch;
      const exchange = this.seal([Uint8Array.of(KIND.rekey), kem.publicKey]);
      const answer = await send(exchange);
      const opener = exchange.openResponse(answer.subarray(0, RESPONSE_HEADER_BYTES));
      const content = openWhole(opener, answer.subarray(RESPONSE_HEADER_BYTES), 2048);
      if (kindOf(content) !== KIND.rekey || content.length !== 1 + XWING.ciphertextBytes) {
        throw new ChannelError("ERR_REKEY", "The server's answer to a rekey is not one");
      }
      const ciphertext = content.subarray(1);
      const shared = parsing("ERR_REKEY", "The server's ciphertext", () => kem.decapsulate(ciphertext));
      this.#epoch = nextEpoch(current, kem.publicKey, ciphertext, shared);
      this.#epochStarted = this.#clock.monotonic();
      // Answers in flight still derive from the old epoch's s2c key; its root derives nothing more.
      wipe(current.root, current.clientToServer);
    } finally {
      kem.wipe();
      this.#rekeying = false;
    }
  }

  /** The sealed goodbye; after it the session seals nothing more. */
  close(): InitiatorExchange | null {
    if (this.#closed) return null;
    const goodbye = this.#clock.monotonic() < this.#deadline ? this.seal([Uint8Array.of(KIND.close)]) : null;
    this.#closed = true;
    return goodbye;
  }

  /** Overwrites the keys. Answers still in flight can no longer be opened. */
  destroy(): void {
    this.#closed = true;
    this.#destroyed = true;
    wipeEpoch(this.#epoch);
  }
}
