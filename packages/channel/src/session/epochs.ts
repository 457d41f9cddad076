import { encapsulate, XWING } from "@trusted-mcp/primitives/kem";
import type { Clock } from "@trusted-mcp/primitives/clock";
import { ChannelError } from "../error.ts";
import { epochFrom, LAST_EPOCH, nextEpoch, wipeEpoch, type Epoch } from "./epoch.ts";

/** How long an old epoch still opens records after the first record of the next one (spec §5.4). */
export const OLD_EPOCH_MS = 60_000;

/** The epochs of a session as plain data, for a store that nodes share. */
export interface EpochState {
  readonly current: { readonly number: number; readonly root: Uint8Array };
  /** Root of the epoch after the current one; null: no rekey is under way. */
  readonly next: Uint8Array | null;
  /** `leftMs`: how much longer it opens records. */
  readonly old: { readonly number: number; readonly root: Uint8Array; readonly leftMs: number } | null;
  /** Sequence number of the last rekey served; -1: none. */
  readonly lastRekey: number;
}

/** The up to three epochs of a responder's session, and the rules by which they follow each other (spec §5.4). */
export class Epochs {
  readonly #clock: Clock;
  #current: Epoch;
  #next: Epoch | null = null;
  #old: { readonly epoch: Epoch; readonly until: number } | null = null;
  #lastRekey = -1;

  constructor(clock: Clock, root: Uint8Array) {
    this.#clock = clock;
    this.#current = epochFrom(0, root);
  }

  static restore(clock: Clock, state: EpochState): Epochs {
    const epochs = new Epochs(clock, state.current.root);
    epochs.#current = epochFrom(state.current.number, new Uint8Array(state.current.root));
    if (state.next !== null) epochs.#next = epochFrom(state.current.number + 1, new Uint8Array(state.next));
    if (state.old !== null && state.old.leftMs > 0) {
      // Whatever another node's wall clock said: never longer than 60 s from here.
      const until = clock.monotonic() + Math.min(state.old.leftMs, OLD_EPOCH_MS);
      epochs.#old = { epoch: epochFrom(state.old.number, new Uint8Array(state.old.root)), until };
    }
    epochs.#lastRekey = state.lastRekey;
    return epochs;
  }

  /** Views on the keys: encode or copy them before anything else happens. */
  state(): EpochState {
    const leftMs = (this.#old?.until ?? 0) - this.#clock.monotonic();
    return {
      current: this.#current,
      next: this.#next?.root ?? null,
      old: this.#old !== null && leftMs > 0 ? { ...this.#old.epoch, leftMs } : null,
      lastRekey: this.#lastRekey,
    };
  }

  /** A copy with keys of its own. */
  copy(): Epochs {
    return Epochs.restore(this.#clock, this.state());
  }

  get number(): number {
    return this.#current.number;
  }

  /** @throws ChannelError ERR_EPOCH. */
  find(number: number): Epoch {
    if (number === this.#current.number) return this.#current;
    if (number === this.#next?.number) return this.#next;
    if (this.#old !== null && this.#clock.monotonic() >= this.#old.until) {
      wipeEpoch(this.#old.epoch);
      this.#old = null;
    }
    if (number === this.#old?.epoch.number) return this.#old.epoch;
    throw new ChannelError("ERR_EPOCH", "The record's key epoch is not in use");
  }

  /** True for the epoch that was answered and that no record has used yet. */
  isNext(number: number): boolean {
    return number === this.#next?.number;
  }

  /** The first authentic record of the next epoch shows that the client has its keys. */
  confirm(number: number): void {
    if (this.#next === null || number !== this.#next.number) return;
    if (this.#old !== null) wipeEpoch(this.#old.epoch);
    this.#old = { epoch: this.#current, until: this.#clock.monotonic() + OLD_EPOCH_MS };
    this.#current = this.#next;
    this.#next = null;
  }

  /** The ciphertext that answers a rekey; null: it is refused. */
  rekey(number: number, sequence: number, content: Uint8Array): Uint8Array | null {
    // A delayed rekey that comes after a newer one must not replace the keys the client already uses.
    if (sequence < this.#lastRekey || number !== this.#current.number || number >= LAST_EPOCH) return null;
    if (content.length !== 1 + XWING.publicKeyBytes) return null;
    this.#lastRekey = sequence;
    const publicKey = content.subarray(1);
    try {
      const { ciphertext, sharedSecret } = encapsulate(publicKey);
      if (this.#next !== null) wipeEpoch(this.#next);
      this.#next = nextEpoch(this.#current, publicKey, ciphertext, sharedSecret);
      return ciphertext;
    } catch {
      return null;
    }
  }

  wipe(): void {
    for (const epoch of [this.#current, this.#next, this.#old?.epoch]) if (epoch) wipeEpoch(epoch);
  }
}
