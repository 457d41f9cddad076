import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPeer,
  pinnedPeers,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { trusted } from "@trusted-mcp/sdk/server";

export interface TrustedServer {
  readonly url: string;
  /** Hears of refused handshakes. */
  readonly refusals: string[];
  close(): Promise<void>;
}

/** Makes NAME.key.pem and NAME.pub.pem in a folder. */
export async function makeKeys(folder: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) await writeKeyPair(join(folder, name), await generateKey("ed25519"));
}

/** A plain MCP server behind the channel, with the keys `server` and `alice` of a folder. */
export async function startTrusted(folder: string, plainUrl: string): Promise<TrustedServer> {
  const refusals: string[] = [];
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const handler = trusted(
    { fetch: (request: Request) => forward(request, plainUrl) },
    {
      identity: identityFrom(await fileSigner(join(folder, "server.key.pem"))),
      clients: pinnedPeers([await loadPeer(join(folder, "alice.pub.pem"))]),
      audience: url,
      onerror: (error) => refusals.push(String(error)),
    },
  );
  http.on("request", (request, response) => void handler.node(request, response));
  return {
    url,
    refusals,
    close: () =>
      new Promise((resolve) => {
        handler.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

async function forward(request: Request, plainUrl: string): Promise<Response> {
  const body = request.method === "POST" ? await request.text() : undefined;
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  const init = {
    method: request.method,
    headers,
    signal: request.signal,
    ...(body === undefined ? {} : { body }),
  };
  return fetch(plainUrl, init);
}
