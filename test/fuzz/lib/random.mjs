/** FNV-1a: a number for a name. */
function hash(text) {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/** sfc32: small, fast and good enough; the same seed gives the same inputs on every machine. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** @param parts - numbers and names that together say which sequence this is. */
  seed(...parts) {
    let state = 0;
    for (const part of parts)
      state = Math.imul(state ^ (typeof part === "string" ? hash(part) : part), 0x9e3779b1) + 0x7f4a7c15;
    this.#a = state | 0;
    this.#b = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    this.#c = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    this.#counter = 1;
    for (let round = 0; round < 12; round++) this.u32();
    return this;
  }

  u32() {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit) {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit);
  }

  chance(oneIn) {
    return this.below(oneIn) === 0;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    const words = new Uint32Array((length + 3) >> 2);
    for (let at = 0; at < words.length; at++) words[at] = this.u32();
    return new Uint8Array(words.buffer, 0, length).slice();
  }

  /** Small numbers are likelier: 0 in half of the cases, 1 in a quarter, … */
  small(limit) {
    let value = 0;
    while (value < limit && this.chance(2)) value++;
    return value;
  }

  /** `count` things, made one after the other. */
  list(count, make) {
    return Array.from({ length: count }, () => make(this));
  }
}
