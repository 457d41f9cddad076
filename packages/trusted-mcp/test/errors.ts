import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** Some refusal of a package below. */
export class ChannelErrorStub extends TrustedMcpError {}
