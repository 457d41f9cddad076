import {
  StreamableHTTPClientTransport,
  type StreamableHTTPReconnectionOptions,
} from "@modelcontextprotocol/client";
import { pinnedServer } from "@trusted-mcp/identity";
import { trustedTransport, type TrustedTransport } from "@trusted-mcp/sdk/client";
import { fetchTo } from "./client.ts";
import { AUDIENCE, type TestServer } from "./server.ts";

/** The two ways in which the SDK's client gets onto the channel. What one does, the other does. */
export type CarrierName = "fetch" | "transport";
export const CARRIERS: readonly CarrierName[] = ["fetch", "transport"];

export interface Carrier {
  readonly transport: StreamableHTTPClientTransport | TrustedTransport;
  /** Ends the channel; the transport is closed by its client. */
  readonly close: () => Promise<void>;
}

export interface CarrierOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly sessionId?: string;
  readonly protocolVersion?: string;
  readonly reconnectionOptions?: StreamableHTTPReconnectionOptions;
}

export function carry(
  name: CarrierName,
  server: TestServer,
  url: string = server.url,
  options: CarrierOptions = {},
): Carrier {
  if (name === "transport") {
    const transport = trustedTransport({
      url,
      identity: server.alice.identity,
      server: pinnedServer(server.server.publicKey, "tools"),
      audience: AUDIENCE,
      ...options,
    });
    return { transport, close: () => transport.close() };
  }
  const { headers, ...rest } = options;
  const fetch = fetchTo(server, url);
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch,
    ...(headers && { requestInit: { headers } }),
    ...rest,
  });
  return { transport, close: () => fetch.close() };
}
