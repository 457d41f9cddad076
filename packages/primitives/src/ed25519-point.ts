/** The y coordinates of points of order 1, 2, 4 and 8, below p = 2^255 - 19. */
const SMALL_ORDER: readonly bigint[] = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
];

/**
 * RFC 8032 §5.1.3 refuses y ≥ p, and a point of small order accepts one signature for many messages; OpenSSL
 * checks neither on import.
 */
export function isWeakEd25519Point(point: Uint8Array): boolean {
  let y = 0n;
  for (const byte of point.toReversed()) y = (y << 8n) | BigInt(byte);
  y &= 2n ** 255n - 1n; // the top bit is the sign of x
  return y >= 2n ** 255n - 19n || SMALL_ORDER.includes(y);
}
