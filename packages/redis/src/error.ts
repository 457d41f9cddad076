import { TrustedMcpError } from "@trusted-mcp/primitives/error";

export type RedisStoreErrorCode = "ERR_REDIS_UNAVAILABLE" | "ERR_REDIS_REFUSED" | "ERR_REDIS_ANSWER";

export class RedisStoreError extends TrustedMcpError<RedisStoreErrorCode> {}
