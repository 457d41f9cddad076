import { ChannelError } from "../error.ts";
import { MAX_CHUNK_BYTES, TAG_BYTES } from "../suite.ts";

/** On the wire each chunk follows its length, u24 (spec §5.3). */
export const LENGTH_BYTES = 3;
/** A tag, and the inner prefix of empty content. */
const MIN_CHUNK = TAG_BYTES + 4;
const NOTHING = new Uint8Array(0);

/** The chunk whose length stands at `at`; undefined while its bytes are not all there. */
export function chunkAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const start = at + LENGTH_BYTES;
  if (bytes.length < start) return undefined;
  const end = start + chunkSize(bytes, at);
  return end > bytes.length ? undefined : bytes.subarray(start, end);
}

/** @throws ChannelError ERR_MALFORMED as soon as the length is known to be impossible. */
function chunkSize(bytes: Uint8Array, at: number): number {
  const size = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  if (size >= MIN_CHUNK && size <= MAX_CHUNK_BYTES) return size;
  throw new ChannelError("ERR_MALFORMED", "A chunk's length is out of bounds");
}

/**
 * The start of one chunk whose end has not come yet. Every byte is copied about once, however small the pieces
 * are that it comes in: whoever forwards the stream chooses their size.
 */
export class PartialChunk {
  #memory: Uint8Array = NOTHING;
  length = 0;

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.length);
  }

  /** Takes what belongs to this chunk from `bytes`; returns how much that was. */
  add(bytes: Uint8Array, from: number): number {
    const wanted = this.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + chunkSize(this.#memory, 0);
    const taken = Math.min(wanted - this.length, bytes.length - from);
    this.#reserve(this.length + taken);
    this.#memory.set(bytes.subarray(from, from + taken), this.length);
    this.length += taken;
    return taken;
  }

  /** Gives the memory back: a quiet stream holds none. */
  clear(): void {
    this.#memory = NOTHING;
    this.length = 0;
  }

  #reserve(needed: number): void {
    if (needed <= this.#memory.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#memory.length * 2));
    grown.set(this.#memory);
    this.#memory = grown;
  }
}
