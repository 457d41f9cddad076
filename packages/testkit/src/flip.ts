/** A copy with one bit changed: what a parser, a tag or a signature must notice. */
export function withFlippedBit(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const at = bit >> 3;
  const byte = changed[at];
  if (byte === undefined) throw new RangeError(`Bit ${bit} is outside ${bytes.length} bytes.`);
  changed[at] = byte ^ (1 << (bit & 7));
  return changed;
}
