// Encodings of the specification §2.1. Written from the text; shares nothing with packages/.

/** A refusal with the reason's name (spec §9). */
export class Refusal extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export function refuse(reason) {
  throw new Refusal(reason);
}

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const unhex = (text) => (text === null || text === undefined ? null : Buffer.from(text, "hex"));
export const ascii = (text) => Buffer.from(text, "latin1");
export const utf8 = (text) => Buffer.from(text, "utf8");
export const cat = (...parts) => Buffer.concat(parts);
export const same = (a, b) => a.length === b.length && Buffer.compare(a, b) === 0;

function uint(size, value) {
  const out = Buffer.alloc(size);
  let rest = BigInt(value);
  for (let at = size - 1; at >= 0; at -= 1) {
    out[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new Error(`${value} does not fit`);
  return out;
}

export const u8 = (value) => uint(1, value);
export const u16 = (value) => uint(2, value);
export const u24 = (value) => uint(3, value);
export const u32 = (value) => uint(4, value);
export const u64 = (value) => uint(8, value);
export const vec8 = (bytes) => cat(u8(bytes.length), bytes);
export const vec16 = (bytes) => cat(u16(bytes.length), bytes);
export const vec24 = (bytes) => cat(u24(bytes.length), bytes);
export const vec32 = (bytes) => cat(u32(bytes.length), bytes);
export const opt = (value, encode) => (value === null ? u8(0) : cat(u8(1), encode(value)));
export const list8 = (values, encode) => cat(u8(values.length), ...values.map(encode));

/** A UTF-8 text or a refusal; Buffer's own decoder would replace what is wrong. */
export function textOf(bytes, reason = "ERR_MALFORMED") {
  const text = Buffer.from(bytes).toString("utf8");
  return same(utf8(text), bytes) ? text : refuse(reason);
}

/** Reads one structure; everything that does not fit is refused. */
export class Cursor {
  constructor(bytes, reason = "ERR_MALFORMED") {
    this.bytes = Buffer.from(bytes);
    this.at = 0;
    this.reason = reason;
  }

  fail() {
    return refuse(this.reason);
  }

  raw(count) {
    if (this.at + count > this.bytes.length) this.fail();
    const out = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return out;
  }

  uint(size) {
    let value = 0n;
    for (const byte of this.raw(size)) value = (value << 8n) | BigInt(byte);
    if (value >= 1n << 53n) this.fail();
    return Number(value);
  }

  vec(size, max, min = 0) {
    const length = this.uint(size);
    if (length > max || length < min) this.fail();
    return this.raw(length);
  }

  list(max, read) {
    const count = this.uint(1);
    if (count > max) this.fail();
    return Array.from({ length: count }, read);
  }

  flag() {
    const value = this.uint(1);
    if (value > 1) this.fail();
    return value === 1;
  }

  opt(read) {
    return this.flag() ? read() : null;
  }

  get soFar() {
    return this.bytes.subarray(0, this.at);
  }

  rest() {
    return this.raw(this.bytes.length - this.at);
  }

  end() {
    if (this.at !== this.bytes.length) this.fail();
  }
}
