export { aiccFetch, type AiccFetch } from "./client/aicc-fetch.ts";
export type { AiccClientOptions } from "./client/options.ts";
export {
  pinnedServerKey,
  serverKeyFromFile,
  type PublicKeyFileOptions,
  type ServerKey,
} from "./client/server-key.ts";
export { AiccError, type AiccErrorCode } from "./error.ts";
