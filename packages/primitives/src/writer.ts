import { argumentError } from "./error.ts";

/** Larger than any message of the protocol; stops a runaway loop, not a peer. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Builds length-prefixed, big-endian structures (RFC 8446 §3.4). Every value that does not fit throws. */
export class Writer {
  #bytes: Uint8Array = new Uint8Array(64);
  #length = 0;
  #finished = false;

  u8(value: number): this {
    return this.#uint(value, 1);
  }

  u16(value: number): this {
    return this.#uint(value, 2);
  }

  u24(value: number): this {
    return this.#uint(value, 3);
  }

  u32(value: number): this {
    return this.#uint(value, 4);
  }

  u64(value: number): this {
    return this.#uint(value, 8);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  vec8(bytes: Uint8Array): this {
    return this.u8(bytes.length).raw(bytes);
  }

  vec16(bytes: Uint8Array): this {
    return this.u16(bytes.length).raw(bytes);
  }

  vec24(bytes: Uint8Array): this {
    return this.u24(bytes.length).raw(bytes);
  }

  vec32(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** The bytes, in memory of their own. The writer is spent and its scratch memory wiped. */
  finish(): Uint8Array {
    this.#reserve(0);
    const out = this.#bytes.slice(0, this.#length);
    this.#bytes.fill(0);
    this.#finished = true;
    return out;
  }

  #uint(value: number, size: number): this {
    const limit = size === 8 ? Number.MAX_SAFE_INTEGER : 2 ** (8 * size) - 1;
    if (!Number.isSafeInteger(value) || value < 0 || value > limit) {
      throw argumentError(`A value or length does not fit into ${size} byte(s).`);
    }
    this.#reserve(size);
    // Division, not shifts: shifts work on 32 bits only.
    let rest = value;
    for (let at = this.#length + size - 1; at >= this.#length; at--) {
      this.#bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#length += size;
    return this;
  }

  #reserve(size: number): void {
    if (this.#finished) throw argumentError("This writer is finished.");
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    if (needed > MAX_BYTES) throw argumentError(`A structure is limited to ${MAX_BYTES} bytes.`);
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes.fill(0);
    this.#bytes = grown;
  }
}
