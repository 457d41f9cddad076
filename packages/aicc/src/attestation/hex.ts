/** Exactly `length` bytes in hex, of either case; undefined for everything else. */
export function hexBytes(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== "string" || value.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(value))
    return undefined;
  return Uint8Array.from(Buffer.from(value, "hex"));
}
