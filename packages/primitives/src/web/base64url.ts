import { PrimitiveError } from "../error.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NONE = 0xff;

/** RFC 4648 §5 without padding. */
export function encode(bytes: Uint8Array): string {
  const characters = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let to = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    const group = (a << 16) | (b << 8) | c;
    // Writes behind the end of an array go nowhere: that cuts the last group.
    for (let shift = 18; shift >= 0; shift -= 6) characters[to++] = codeOf((group >> shift) & 63);
  }
  return new TextDecoder().decode(characters);
}

/** Accepts exactly what `encode` produces, so one value has one text (RFC 4648 §3.3, §3.5, §12). */
export function decode(text: string): Uint8Array {
  if (text.length % 4 === 1) throw malformed();
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  const values = tableOf();
  let bits = 0;
  let held = 0;
  let to = 0;
  for (let at = 0; at < text.length; at++) {
    const value = values[text.charCodeAt(at)] ?? NONE;
    if (value === NONE) throw malformed();
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[to++] = bits >> held;
  }
  // Bits that no byte holds must be zero, or several texts would mean one value.
  if ((bits & ((1 << held) - 1)) !== 0) throw malformed();
  return bytes;
}

function codeOf(value: number): number {
  if (value < 26) return value + 65;
  if (value < 52) return value + 71;
  if (value < 62) return value - 4;
  return value === 62 ? 45 : 95;
}

let table: Uint8Array | undefined;

function tableOf(): Uint8Array {
  if (table !== undefined) return table;
  const made = new Uint8Array(128).fill(NONE);
  for (let value = 0; value < 64; value++) made[ALPHABET.charCodeAt(value)] = value;
  return (table = made);
}

function malformed(): PrimitiveError {
  return new PrimitiveError("ERR_BASE64URL", "The text is not canonical base64url without padding.");
}
