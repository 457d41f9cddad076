export { trustedFetch, type TrustedFetch } from "./client/trusted-fetch.ts";
export type { ChannelInfo } from "./client/channel-info.ts";
export { mayHaveRun } from "./client/may-have-run.ts";
export type { TrustedClientOptions } from "./client/options.ts";
export { trustedTransport, TrustedTransport, type TrustedTransportOptions } from "./client/transport.ts";
export { connectTrusted, type TrustedConnection } from "./client/connect.ts";
export { TrustedSdkError, type SdkErrorCode } from "./error.ts";
export { EXTENSION, EXTENSION_NAME } from "./wire.ts";
export { clientKeys, type ClientKeyFiles } from "./client/keys.ts";
