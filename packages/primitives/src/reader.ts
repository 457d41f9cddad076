import { PrimitiveError } from "./error.ts";

/**
 * Reads what Writer writes. Lengths are checked before use, nothing is copied or allocated, and every
 * overrun throws ERR_PARSE. Arrays it returns are views on the input: valid while the input is unchanged.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#uint(1);
  }

  u16(): number {
    return this.#uint(2);
  }

  u24(): number {
    return this.#uint(3);
  }

  u32(): number {
    return this.#uint(4);
  }

  u64(): number {
    const value = this.#uint(8);
    // At or above 2^53 neighbouring integers read alike.
    if (!Number.isSafeInteger(value)) throw parseError("An integer is larger than 2^53-1.");
    return value;
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  vec8(max = 0xff): Uint8Array {
    return this.#vec(this.u8(), max);
  }

  vec16(max = 0xffff): Uint8Array {
    return this.#vec(this.u16(), max);
  }

  vec24(max = 0xff_ffff): Uint8Array {
    return this.#vec(this.u24(), max);
  }

  vec32(max = 0xffff_ffff): Uint8Array {
    return this.#vec(this.u32(), max);
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** Call last: bytes nobody read must not pass unnoticed. */
  end(): void {
    if (this.remaining !== 0) throw parseError(`${this.remaining} byte(s) follow the end of the structure.`);
  }

  #vec(length: number, max: number): Uint8Array {
    if (length > max) throw parseError(`A field of ${length} bytes exceeds its limit of ${max}.`);
    return this.raw(length);
  }

  #uint(size: number): number {
    const start = this.#take(size);
    let value = 0;
    for (let at = start; at < start + size; at++) value = value * 256 + (this.#bytes[at] ?? 0);
    return value;
  }

  #take(length: number): number {
    const start = this.#at;
    if (!Number.isSafeInteger(length) || length < 0 || length > this.#bytes.length - start) {
      throw parseError("The bytes end before the structure does.");
    }
    this.#at = start + length;
    return start;
  }
}

function parseError(message: string): PrimitiveError {
  return new PrimitiveError("ERR_PARSE", message);
}
