export { trustedListener, type TrustedListener, type TrustedListenerOptions } from "./server/listener.ts";
export type { NodeListener } from "./server/behind-listener.ts";
export { trusted, type TrustedHandler } from "./server/trusted.ts";
export type { WebHandler } from "./server/web-handler.ts";
export type { ServerLimits, TrustedServerOptions } from "./server/options.ts";
export { limitHttp, type HttpLimits } from "./server/http-limits.ts";
export { serverKeys, type ServerKeyFiles } from "./server/keys.ts";
export type { AuthInfo, TrustedMcpInfo } from "./server/auth-info.ts";
export { TrustedSdkError, type SdkErrorCode } from "./error.ts";
