/** IEEE P1363 of a strict DER signature (RFC 3279 §2.2.3); undefined when it is not strict DER or does not fit. */
export function p1363Of(der: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(2 * size);
  if (der.length < 2 || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  let at = 2;
  for (const end of [size, 2 * size]) {
    const [tag, length = 0] = der.subarray(at, at + 2);
    const value = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    const [first = 0x80, second = 0x80] = value;
    const minimal = first < 0x80 && (first > 0 || second >= 0x80 || length === 1);
    if (tag !== 2 || value.length !== length || !minimal) return undefined;
    const integer = first === 0 ? value.subarray(1) : value;
    if (integer.length > size) return undefined;
    out.set(integer, end - integer.length);
  }
  return at === der.length ? out : undefined;
}
