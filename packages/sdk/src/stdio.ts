export { trustedClientTransport } from "./stdio/child-transport.ts";
export type { PipeInfo, TrustedClientTransport } from "./stdio/client-transport.ts";
export { trustedServerTransport, type TrustedServerTransport } from "./stdio/server-transport.ts";
export type { TrustedPipeClientOptions, TrustedPipeServerOptions } from "./stdio/options.ts";
export type { Carrier } from "./stdio/carrier.ts";
export { PipeClient } from "./stdio/pipe-client.ts";
export { PipeServer } from "./stdio/pipe-server.ts";
export type { PipeLimits } from "./stdio/sealed-pipe.ts";
export { TrustedSdkError, type SdkErrorCode } from "./error.ts";
