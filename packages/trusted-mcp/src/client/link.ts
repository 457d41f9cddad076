import type { Transport } from "@modelcontextprotocol/client";
import type { ChannelInfo } from "@trusted-mcp/sdk/client";

/** Who the server proved to be, over HTTP or over a pipe. */
export interface LinkInfo extends Omit<ChannelInfo, "framing" | "epoch"> {
  readonly framing: ChannelInfo["framing"] | "lines";
}

/** A sealed way to a server, for one MCP client. */
export interface Link {
  readonly transport: Transport;
  /** Settles who is there; nothing of MCP is sent before. @throws the channel's refusal. */
  open(): Promise<LinkInfo>;
  /** What went wrong below MCP, if that explains `error` better than the SDK does. */
  reason(error: unknown): unknown;
  /** Leaves in good order, once all is done. */
  leave(): Promise<void>;
  close(): Promise<void>;
}
