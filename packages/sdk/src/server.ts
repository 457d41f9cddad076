export { serveBehind, trusted, type TrustedHandler } from "./server/trusted.ts";
export type { TrustedServerOptions } from "./server/options.ts";
export type { InnerHandler, InnerRequest, InnerResponse } from "./server/inner.ts";
export type { WebHandler } from "./server/web-handler.ts";
export type { TrustedMcpInfo } from "./server/auth-info.ts";
export { TrustedSdkError, type SdkErrorCode } from "./error.ts";
export { EXTENSION, EXTENSION_NAME } from "./wire.ts";
export { TrustedMcpServer, type Listening, type ListenOptions } from "./server/trusted-mcp-server.ts";
export { serverKeys, type ServerKeyFiles } from "./server/keys.ts";
