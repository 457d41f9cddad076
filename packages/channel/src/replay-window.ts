/**
 * Which sequence numbers of a session have been seen (RFC 6479's block bitmap, spec §5.2). Numbers
 * older than the window are refused: a late record is answered like a repeated one.
 */
export class ReplayWindow {
  /** Sequence numbers remembered below the highest one seen. */
  static readonly SIZE = 2048;

  readonly #bits = new Uint32Array(ReplayWindow.SIZE / 32 + 1);
  #highest = -1;

  /** Marks `sequence` as seen. False when it was seen before, or is too old to tell. */
  admit(sequence: number): boolean {
    if (sequence > this.#highest) this.#advance(sequence);
    else if (this.#highest - sequence >= ReplayWindow.SIZE) return false;
    const slot = Math.floor(sequence / 32) % this.#bits.length;
    const mask = 1 << (sequence % 32);
    const word = this.#bits[slot] ?? 0;
    if ((word & mask) !== 0) return false;
    this.#bits[slot] = word | mask;
    return true;
  }

  #advance(sequence: number): void {
    const from = Math.floor(this.#highest / 32);
    const to = Math.floor(sequence / 32);
    const clear = Math.min(to - from, this.#bits.length);
    for (let step = 1; step <= clear; step += 1) this.#bits[(from + step) % this.#bits.length] = 0;
    this.#highest = sequence;
  }
}
