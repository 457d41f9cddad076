import {
  Client,
  StreamableHTTPClientTransport,
  type ClientOptions,
  type Implementation,
} from "@modelcontextprotocol/client";
import { EXTENSION, EXTENSION_NAME } from "../wire.ts";
import type { TrustedClientOptions } from "./options.ts";
import type { ChannelInfo } from "./channel-info.ts";
import { trustedFetch } from "./trusted-fetch.ts";

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
  const fetch = trustedFetch(options);
  try {
    const channel = await fetch.session();
    const client = new Client(info, announced(options.client ?? {}));
    await client.connect(new StreamableHTTPClientTransport(new URL(options.url), { fetch }));
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

/** Says in `capabilities.extensions` that the channel is there; informative only. */
function announced(options: ClientOptions): ClientOptions {
  const { capabilities } = options;
  const extensions = { ...capabilities?.extensions, [EXTENSION_NAME]: { ...EXTENSION } };
  return { ...options, capabilities: { ...capabilities, extensions } };
}
