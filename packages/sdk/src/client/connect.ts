import type { Client, ClientOptions, Implementation } from "@modelcontextprotocol/client";
import { EXTENSION, EXTENSION_NAME } from "../wire.ts";
import type { ChannelInfo } from "./channel-info.ts";
import type { TrustedClientOptions } from "./options.ts";
import { trustedFetch } from "./trusted-fetch.ts";
import { trustedTransport, type TrustedTransport } from "./transport.ts";

export interface TrustedConnection {
  /** The official SDK's client, connected. */
  readonly client: Client;
  /** Who the server proved to be. */
  readonly channel: ChannelInfo;
  readonly close: () => Promise<void>;
}

/**
 * The shortest path: a connected MCP client over the channel.
 *
 * @throws the channel's refusal; nothing was sent in plaintext.
 */
export async function connectTrusted(
  info: Implementation,
  options: TrustedClientOptions & { readonly client?: ClientOptions },
): Promise<TrustedConnection> {
  // Loaded here, so that who brings another client (SDK v1's) does not need this one.
  const sdk = await import("@modelcontextprotocol/client");
  const { client: clientOptions = {}, mode = "require", fetch: plain, ...rest } = options;
  const client = new sdk.Client(info, announced(clientOptions));
  if (mode === "require") return await connected(client, trustedTransport(rest));
  // Plain MCP, where the server speaks nothing else, is the affair of the SDK's own transport.
  const fetch = trustedFetch({ ...rest, mode, ...(plain && { fetch: plain }) });
  try {
    const channel = await fetch.session();
    await client.connect(new sdk.StreamableHTTPClientTransport(new URL(options.url), { fetch }));
    return {
      client,
      channel,
      close: async () => {
        await client.close();
        await fetch.close();
      },
    };
  } catch (error) {
    await fetch.close();
    throw error;
  }
}

async function connected(client: Client, transport: TrustedTransport): Promise<TrustedConnection> {
  try {
    const channel = await transport.session();
    await client.connect(transport);
    return { client, channel, close: () => client.close() };
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** Says in `capabilities.extensions` that the channel is there; informative only. */
function announced(options: ClientOptions): ClientOptions {
  const { capabilities } = options;
  const extensions = { ...capabilities?.extensions, [EXTENSION_NAME]: { ...EXTENSION } };
  return { ...options, capabilities: { ...capabilities, extensions } };
}
