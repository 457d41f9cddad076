export { aiccServer, type AiccServer, type AiccServerOptions } from "./server/aicc-server.ts";
export { serveBoth, type BothOptions } from "./server/serve-both.ts";
export {
  ServerKeys,
  serverKeyFile,
  type KeyFileOptions,
  type ServerKeysOptions,
} from "./server/server-keys.ts";
export type { OpenerOptions } from "./server/request-opener.ts";
export type { SourceLimitOptions } from "./server/source-limit.ts";
export type { WebHandler } from "@trusted-mcp/http/web-handler";
export type { Handler, HandlerRequest, HandlerResponse } from "@trusted-mcp/http/handler";
export type { NodeHandler } from "./server/node-front.ts";
export { AICC_WARNING } from "./server/warning.ts";
export { AiccError, type AiccErrorCode } from "./error.ts";
