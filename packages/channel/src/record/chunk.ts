import { open, sealDetached } from "@trusted-mcp/primitives/aead";
import { ChannelError } from "../error.ts";
import type { TrafficKey } from "../key-schedule.ts";
import { IV_BYTES, MAX_CHUNK_BYTES, TAG_BYTES } from "../suite.ts";
import { paddedLength } from "./padding.ts";
import { chunkAt, LENGTH_BYTES, PartialChunk } from "./partial-chunk.ts";

/** Plaintext of a chunk: u8 flags ‖ u24 content length ‖ content ‖ zeros (spec §5.3). */
const PREFIX_BYTES = 4;
const FLAG_FINAL = 1;
const MAX_PLAINTEXT = MAX_CHUNK_BYTES - TAG_BYTES;
export const MAX_CONTENT: number = MAX_PLAINTEXT - PREFIX_BYTES;
const MAX_INDEX = 2 ** 32;
/** A chunk's plaintext, for as long as it takes to seal it: one array for all messages leaves the collector little. */
const scratch = new Uint8Array(MAX_PLAINTEXT);
const NO_TAG = new Uint8Array(0);

/** IV ⊕ i: each chunk of an exchange has its own nonce; the order of chunks is thereby authenticated. */
function chunkIv(iv: Uint8Array, index: number): Uint8Array {
  if (index === 0) return iv;
  const nonce = Uint8Array.from(iv);
  for (let byte = 0; byte < 4; byte += 1) {
    const at = IV_BYTES - 1 - byte;
    nonce[at] = (nonce[at] ?? 0) ^ ((index >>> (8 * byte)) & 0xff);
  }
  return nonce;
}

/** Seals the chunks of one message in one direction. Nothing can be sealed after the final chunk. */
export class ChunkSealer {
  readonly #traffic: TrafficKey;
  readonly #header: Uint8Array;
  #index = 0;
  #done = false;
  /** Tag of chunk 0; a response's key is bound to its request through it. */
  firstTag: Uint8Array = NO_TAG;

  constructor(traffic: TrafficKey, header: Uint8Array) {
    this.#traffic = traffic;
    this.#header = header;
  }

  /** The wire form (u24 length ‖ chunk, repeated) of `parts`, cut into chunks; parts are not kept. */
  seal(parts: readonly Uint8Array[], final: boolean): Uint8Array[] {
    let left = 0;
    for (const part of parts) left += part.length;
    const chunks: Uint8Array[] = [];
    const source = new PartReader(parts);
    const largest = paddedLength(PREFIX_BYTES + Math.min(left, MAX_CONTENT), MAX_PLAINTEXT);
    try {
      do {
        const size = Math.min(left, MAX_CONTENT);
        left -= size;
        chunks.push(this.#chunk(source, size, final && left === 0));
      } while (left > 0);
      return chunks;
    } finally {
      scratch.fill(0, 0, largest);
    }
  }

  #chunk(source: PartReader, size: number, final: boolean): Uint8Array {
    if (this.#done || this.#index >= MAX_INDEX)
      throw new ChannelError("ERR_RECORD_TRAILING", "This message has already ended");
    const plaintext = scratch.subarray(0, paddedLength(PREFIX_BYTES + size, MAX_PLAINTEXT));
    plaintext.fill(0, PREFIX_BYTES + size);
    plaintext[0] = final ? FLAG_FINAL : 0;
    plaintext[1] = size >>> 16;
    plaintext[2] = size >>> 8;
    plaintext[3] = size;
    source.copy(plaintext, PREFIX_BYTES, size);
    const nonce = chunkIv(this.#traffic.iv, this.#index);
    const { ciphertext, tag } = sealDetached(this.#traffic.key, nonce, this.#header, plaintext);
    if (this.#index === 0) this.firstTag = tag;
    this.#index += 1;
    this.#done = final;
    const length = ciphertext.length + TAG_BYTES;
    const wire = new Uint8Array(LENGTH_BYTES + length);
    wire[0] = length >>> 16;
    wire[1] = length >>> 8;
    wire[2] = length;
    wire.set(ciphertext, LENGTH_BYTES);
    wire.set(tag, LENGTH_BYTES + ciphertext.length);
    return wire;
  }
}

class PartReader {
  readonly #parts: readonly Uint8Array[];
  #part = 0;
  #offset = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
  }

  copy(target: Uint8Array, at: number, size: number): void {
    let done = 0;
    while (done < size) {
      const part = this.#parts[this.#part];
      if (part === undefined) return;
      const take = Math.min(part.length - this.#offset, size - done);
      target.set(take === part.length ? part : part.subarray(this.#offset, this.#offset + take), at + done);
      done += take;
      this.#offset += take;
      if (this.#offset === part.length) {
        this.#part += 1;
        this.#offset = 0;
      }
    }
  }
}

/**
 * Opens the chunks of one message as bytes arrive. Content is released only after its tag was
 * verified; a message counts as whole only once its final chunk was opened.
 */
export class ChunkOpener {
  readonly #traffic: TrafficKey;
  readonly #header: Uint8Array;
  #index = 0;
  readonly #held = new PartialChunk();
  #final = false;
  #failed = false;
  firstTag: Uint8Array = NO_TAG;

  constructor(traffic: TrafficKey, header: Uint8Array) {
    this.#traffic = traffic;
    this.#header = header;
  }

  get final(): boolean {
    return this.#final;
  }

  /** Contents of every chunk completed by `bytes`; holds back at most one partial chunk (64 KiB). */
  push(bytes: Uint8Array): Uint8Array[] {
    // After one bad byte nothing more is released, whatever the caller does with the error.
    if (this.#failed) throw new ChannelError("ERR_RECORD_AUTH", "This message was refused before");
    this.#failed = true;
    const contents = this.#take(bytes);
    this.#failed = false;
    return contents;
  }

  #take(bytes: Uint8Array): Uint8Array[] {
    const contents: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#final)
        throw new ChannelError("ERR_RECORD_TRAILING", "Bytes follow the end of a sealed message");
      const whole = this.#held.length === 0 ? chunkAt(bytes, at) : undefined;
      if (whole !== undefined) {
        contents.push(this.#open(whole));
        at += LENGTH_BYTES + whole.length;
        continue;
      }
      at += this.#held.add(bytes, at);
      const chunk = chunkAt(this.#held.bytes, 0);
      if (chunk === undefined) continue;
      contents.push(this.#open(chunk));
      this.#held.clear();
    }
    return contents;
  }

  /** Call when no more bytes come. @throws ChannelError ERR_RECORD_TRUNCATED unless the final chunk was opened. */
  end(): void {
    if (this.#failed || !this.#final) {
      throw new ChannelError(
        "ERR_RECORD_TRUNCATED",
        "The sealed message ended before its final part: it was cut on the way",
      );
    }
  }

  #open(chunk: Uint8Array): Uint8Array {
    if (this.#index >= MAX_INDEX)
      throw new ChannelError("ERR_RECORD_TOO_LARGE", "A message has too many parts");
    let plaintext: Uint8Array;
    try {
      plaintext = open(this.#traffic.key, chunkIv(this.#traffic.iv, this.#index), this.#header, chunk);
    } catch (cause) {
      throw new ChannelError(
        "ERR_RECORD_AUTH",
        "A sealed message does not authenticate: it was changed, reordered or belongs to another exchange",
        { cause },
      );
    }
    if (this.#index === 0) this.firstTag = new Uint8Array(chunk.subarray(chunk.length - TAG_BYTES));
    this.#index += 1;
    const flags = plaintext[0] ?? 0;
    const size = ((plaintext[1] ?? 0) << 16) | ((plaintext[2] ?? 0) << 8) | (plaintext[3] ?? 0);
    if (flags > FLAG_FINAL || PREFIX_BYTES + size > plaintext.length) {
      throw new ChannelError("ERR_MALFORMED", "A chunk's inner prefix is out of bounds");
    }
    this.#final = flags === FLAG_FINAL;
    return plaintext.subarray(PREFIX_BYTES, PREFIX_BYTES + size);
  }
}

/** Opens a message whose bytes are all there; refuses content above `maxBytes` before opening it. */
export function openWhole(opener: ChunkOpener, wire: Uint8Array, maxBytes: number): Uint8Array {
  // Padding adds at most 12 % and each chunk 23 bytes; anything larger cannot be within the limit.
  if (wire.length > maxBytes * 1.13 + 8192) {
    throw new ChannelError("ERR_RECORD_TOO_LARGE", `A message is larger than the ${maxBytes} bytes allowed`, {
      action: "fix",
    });
  }
  const contents = opener.push(wire);
  opener.end();
  const [only, ...more] = contents;
  const content = only !== undefined && more.length === 0 ? only : joinAll(contents);
  if (content.length > maxBytes) {
    throw new ChannelError("ERR_RECORD_TOO_LARGE", `A message is larger than the ${maxBytes} bytes allowed`, {
      action: "fix",
    });
  }
  return content;
}

function joinAll(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
