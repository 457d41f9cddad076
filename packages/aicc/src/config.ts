export { DEFAULT_PUBLIC_KEY_FILE, parseClientConfig, type AiccClientConfig } from "./config/client-config.ts";
export {
  DEFAULT_PRIVATE_KEY_FILE,
  parseServerConfig,
  type AiccServerConfig,
  type KeyServiceConfig,
} from "./config/server-config.ts";
export { ENVIRONMENT_VARIABLES, readEnvironment, type AiccEnvironment } from "./config/environment.ts";
export type { GatewayConfig } from "./config/gateway-config.ts";
export type { RaConfig } from "./config/ra-config.ts";
export {
  clientConfigFromEnv,
  loadClientConfig,
  loadConfig,
  loadServerConfig,
  serverConfigFromEnv,
  type AiccConfig,
} from "./config/load.ts";
export {
  migrateConfig,
  migrationText,
  type MigrateOptions,
  type Migration,
  type NativeClient,
  type NativeServer,
} from "./config/migrate.ts";
export { AiccError, type AiccErrorCode } from "./error.ts";
