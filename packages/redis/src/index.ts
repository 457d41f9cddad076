export { RedisStoreError, type RedisStoreErrorCode } from "./error.ts";
export { redisStore, type RedisCommands, type RedisStore, type RedisStoreOptions } from "./redis-store.ts";
