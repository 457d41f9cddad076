export { RedisStoreError, type RedisStoreErrorCode } from "./error.ts";
export type { RedisCommands, RedisStoreOptions } from "./options.ts";
export { redisStore, type RedisStore } from "./redis-store.ts";
