import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKey, identityFrom, keySigner, pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { afterEach, expect, test } from "vitest";
import type { InnerHandler } from "../server/inner.ts";
import { serveBehind } from "../server/trusted.ts";
import { trustedFetch, type TrustedFetch } from "./trusted-fetch.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function connected(handler: InnerHandler): Promise<{ fetch: TrustedFetch; url: string }> {
  const [server, client] = [await generateKey("ed25519"), await generateKey("ed25519")];
  const http: Server = createServer();
  await new Promise<void>((resolve) => {
    http.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const options = {
    identity: identityFrom(keySigner(server.privateKey)),
    clients: pinnedPeers([{ name: "alice", key: client.publicKey }]),
    audience: url,
  };
  const { node } = serveBehind(handler, options, null);
  http.on("request", (request, response) => void node(request, response));
  const fetch = trustedFetch({
    url,
    identity: identityFrom(keySigner(client.privateKey)),
    server: pinnedServer(server.publicKey),
  });
  ends.push(
    () => http.close(),
    () => http.closeAllConnections(),
    () => fetch.close(),
  );
  return { fetch, url };
}

async function* slowly(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield Buffer.from("data: {}\n\n");
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

test.each([204, 205, 304])(
  "a stream under status %i, which has no body (Fetch §2.2.3), comes without one and is given up",
  async (status) => {
    const headers = [["content-type", "text/event-stream"]] as const;
    const { fetch, url } = await connected(() => Promise.resolve({ status, headers, body: slowly() }));
    const response = await fetch(url, { method: "POST", body: "{}" });
    expect([response.status, response.body]).toEqual([status, null]);
  },
);

test.each([
  ["a slash more", (url: string) => `${url}/`],
  ["another name of the host", (url: string) => url.replace("127.0.0.1", "localhost")],
])(
  "MCP to an address that is not the sealed one is refused, not sent in plaintext: %s [REQ-SDK-REQUIRE]",
  async (_, other) => {
    const { fetch, url } = await connected(() => Promise.reject(new Error("not to be reached")));
    const accept = "application/json, text/event-stream";
    const mcp = { method: "POST", headers: { accept }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' };
    await expect(fetch(other(url), mcp)).rejects.toMatchObject({
      code: "ERR_PLAINTEXT_REFUSED",
      action: "fix",
    });
    await expect(fetch(other(url), { headers: { accept } })).rejects.toMatchObject({
      code: "ERR_PLAINTEXT_REFUSED",
    });
    await expect(fetch(other(url), { method: "POST", body: mcp.body })).rejects.toMatchObject({
      code: "ERR_PLAINTEXT_REFUSED",
    });
  },
);

test("what is no MCP, OAuth discovery for one, passes to other addresses as it is [REQ-SDK-ONLY-ENDPOINT]", async () => {
  const { fetch, url } = await connected(() => Promise.reject(new Error("not to be reached")));
  const other = new URL("/.well-known/oauth-protected-resource", url);
  const answer = await fetch(other, {
    headers: { accept: "application/json", "mcp-protocol-version": "2025-11-25" },
  });
  expect(answer.status).toBe(422);
});

test("a TLS address of a server without TLS: nothing was sent, and it says so", async () => {
  const { url } = await connected(() => Promise.reject(new Error("not to be reached")));
  const keys = await generateKey("ed25519");
  const fetch = trustedFetch({ url: url.replace("http:", "https:"), server: pinnedServer(keys.publicKey) });
  await expect(fetch.session()).rejects.toMatchObject({
    code: "ERR_UNREACHABLE",
    message: expect.stringContaining("http://"),
  });
  await fetch.close();
});
