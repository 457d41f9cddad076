/**
 * Padded size of a chunk's plaintext (spec §5.3): multiples of 256 bytes up to 4 KiB, then Padmé
 * (Nikitin et al., PETS 2019, §4), which leaks O(log log n) bits of the length for at most 12 % more.
 */
export function paddedLength(length: number, max: number): number {
  if (length <= 4096) return Math.min(Math.ceil(length / 256) * 256, max);
  const exponent = Math.floor(Math.log2(length));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const mask = 2 ** (exponent - kept) - 1;
  return Math.min((length + mask) & ~mask, max);
}
