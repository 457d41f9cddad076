import { RedisStoreError } from "./error.ts";

/** More than any sealed state has: it is refused without a look at it. */
const MAX_BYTES = 65_536;

/** Bytes, or null for none. @throws RedisStoreError ERR_REDIS_ANSWER. */
export function bytesOf(reply: unknown): Uint8Array | null {
  if (reply === null) return null;
  if (!Buffer.isBuffer(reply) || reply.length > MAX_BYTES) throw strange();
  return new Uint8Array(reply);
}

/** A number that is not negative. @throws RedisStoreError ERR_REDIS_ANSWER. */
export function countOf(reply: unknown): number {
  if (typeof reply !== "number" || !Number.isSafeInteger(reply) || reply < 0) throw strange();
  return reply;
}

/** A number and something else. @throws RedisStoreError ERR_REDIS_ANSWER. */
export function pairOf(reply: unknown): [number, unknown] {
  if (!Array.isArray(reply) || reply.length !== 2) throw strange();
  const list: readonly unknown[] = reply;
  const [first, second] = list;
  return [countOf(first), second];
}

function strange(): RedisStoreError {
  return new RedisStoreError("ERR_REDIS_ANSWER", "Redis gave an answer that the store's scripts do not give");
}
