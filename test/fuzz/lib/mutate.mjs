/** Byte values at which comparisons change their minds. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const WIDE = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xff_ffff, 0x7fff_ffff, 0xffff_ffff,
];
const SCRATCH = 1 << 20;

/** Mutates byte strings: bits, bytes, numbers, ranges, whole fields with their length, tokens, splices. */
export class Mutator {
  #work = Buffer.alloc(SCRATCH);
  #length = 0;
  #random;
  #tokens;
  #max;

  constructor(random, { tokens = [], maxBytes = 4096 } = {}) {
    this.#random = random;
    this.#tokens = tokens;
    this.#max = maxBytes;
  }

  /** A changed copy of `seed`; `other` is what pieces are borrowed from. */
  mutate(seed, other) {
    this.#load(seed);
    const steps = 1 + this.#random.small(7);
    for (let step = 0; step < steps; step++) this.#step(other);
    return new Uint8Array(this.#work.subarray(0, Math.min(this.#length, this.#max)));
  }

  /** `seed` with one of its pieces repeated until it is as large as allowed: shows what is not linear. */
  inflate(seed, max = this.#max) {
    this.#load(seed);
    const at = this.#at();
    const size = 1 + this.#random.below(Math.min(24, Math.max(1, this.#length - at)));
    const piece = Uint8Array.from(this.#work.subarray(at, at + size));
    const times = Math.floor((Math.min(max, SCRATCH) - this.#length) / size);
    if (times > 0) {
      this.#open(at, times * size);
      for (let copy = 0; copy < times; copy++) this.#work.set(piece, at + copy * size);
    }
    return new Uint8Array(this.#work.subarray(0, this.#length));
  }

  #load(seed) {
    this.#length = Math.min(seed.length, SCRATCH >> 1);
    this.#work.set(seed.length > this.#length ? seed.subarray(0, this.#length) : seed);
  }

  #at(room = 0) {
    return this.#random.below(Math.max(1, this.#length - room + 1));
  }

  /** Makes room for `size` bytes at `at`; what does not fit any more is cut off. */
  #open(at, size) {
    const keep = Math.min(this.#length, SCRATCH - size);
    this.#work.copyWithin(at + size, at, keep);
    this.#length = keep + size;
  }

  #close(at, size) {
    this.#work.copyWithin(at, at + size, this.#length);
    this.#length -= size;
  }

  #insert(at, bytes) {
    const room = Math.min(bytes.length, SCRATCH - at);
    this.#open(at, room);
    this.#work.set(room === bytes.length ? bytes : bytes.subarray(0, room), at);
  }

  #step(other) {
    const random = this.#random;
    const work = this.#work;
    const kind = random.below(this.#tokens.length > 0 ? 20 : 16);
    if (this.#length === 0) return this.#insert(0, random.bytes(1 + random.below(8)));
    const at = Math.min(this.#at(), this.#length - 1);
    const run = Math.min(1 + random.below(random.chance(8) ? this.#length : 12), this.#length - at);
    switch (kind) {
      case 0:
      case 1:
        work[at] ^= 1 << random.below(8);
        return;
      case 2:
        work[at] = random.u32();
        return;
      case 3:
        work[at] = random.pick(EDGES);
        return;
      case 4:
        work[at] += random.chance(2) ? 1 + random.below(8) : -1 - random.below(8);
        return;
      case 5:
      case 6:
        return this.#number(at);
      case 7:
        return this.#close(at, run);
      case 8:
        return this.#insert(this.#at(), Uint8Array.from(work.subarray(at, at + run)));
      case 9:
        return this.#insert(at, random.bytes(1 + random.below(8)));
      case 10:
        this.#length = random.chance(2) ? at : Math.max(0, this.#length - 1 - random.below(4));
        return;
      case 11:
        return this.#insert(this.#length, random.chance(2) ? new Uint8Array(run) : random.bytes(run));
      case 12:
        return this.#splice(other);
      case 13:
        work.copyWithin(Math.min(this.#at(), this.#length - run), at, at + run);
        return;
      case 14:
      case 15:
        return this.#field(at);
      case 16:
        work.set(this.#token(this.#length - at), at);
        return;
      default:
        return this.#insert(this.#at(), this.#token(SCRATCH));
    }
  }

  #token(room) {
    const token = this.#random.pick(this.#tokens);
    return token.length > room ? token.subarray(0, room) : token;
  }

  /** A whole big-endian number: an edge value, or what is left from here, give or take one. */
  #number(at) {
    const random = this.#random;
    const size = Math.min(1 + random.below(4), this.#length - at);
    const left = this.#length - at - size;
    const value = random.chance(2) ? random.pick(WIDE) : Math.max(0, left - 1 + random.below(3));
    this.#work.writeUIntBE(value % 2 ** (8 * size), at, size);
  }

  /** The rest of another seed from some place on, or a piece of it in the middle. */
  #splice(other) {
    const from = this.#random.below(other.length + 1);
    const piece = other.subarray(from, Math.min(other.length, from + SCRATCH / 4));
    if (this.#random.chance(2)) this.#length = this.#at();
    this.#insert(this.#at(), this.#random.chance(2) ? piece : piece.subarray(0, this.#random.below(32)));
  }

  /** Where a length prefix seems to stand: grows, shrinks or empties the field and keeps the prefix true. */
  #field(at) {
    const random = this.#random;
    const size = 1 + random.below(3);
    if (at + size > this.#length) return;
    const value = this.#work.readUIntBE(at, size);
    const content = at + size;
    if (value > this.#length - content) return;
    const cut = random.chance(2) ? Math.min(value, 1 + random.below(4)) : random.chance(4) ? value : 0;
    const added = cut === 0 ? random.bytes(1 + random.below(4)) : new Uint8Array(0);
    const changed = value - cut + added.length;
    if (changed >= 2 ** (8 * size)) return;
    this.#close(content, cut);
    this.#insert(content, added);
    this.#work.writeUIntBE(changed, at, size);
  }
}
