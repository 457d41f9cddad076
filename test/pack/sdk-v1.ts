// A project that has SDK v1 and no other: both faces of the server, both clients, and a pipe. Compiled and run by
// tools/test-pack.mjs, from the tarballs.
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { clientKeys, trustedFetch, trustedTransport } from "@trusted-mcp/sdk/client";
import { serverKeys, trusted, trustedListener } from "@trusted-mcp/sdk/listener";
import { trustedClientTransport, trustedServerTransport } from "@trusted-mcp/sdk/stdio";

const server = await serverKeys({ key: "server.key.pem", allow: ["alice=alice.pub.pem"] });
const alice = await clientKeys({ key: "alice.key.pem", server: "server.pub.pem" });

function tools(): McpServer {
  const mcp = new McpServer({ name: "v1", version: "1.0.0" });
  mcp.registerTool("whoami", {}, ({ authInfo }) => ({
    content: [{ type: "text", text: String(authInfo?.clientId) }],
  }));
  return mcp;
}

async function listening(serve: (audience: string) => RequestListener): Promise<[string, () => void]> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  http.on("request", serve(url));
  return [url, () => http.close().closeAllConnections()];
}

/** What the server says of who calls: with the SDK's own transport over our fetch, and with our transport. */
async function asked(url: string): Promise<string[]> {
  const answers: string[] = [];
  const fetch = trustedFetch({ url, ...alice });
  for (const transport of [
    new StreamableHTTPClientTransport(new URL(url), { fetch }),
    trustedTransport({ url, ...alice }),
  ]) {
    const client = new Client({ name: "v1", version: "1.0.0" });
    await client.connect(transport);
    answers.push(JSON.stringify(await client.callTool({ name: "whoami", arguments: {} })));
    await client.close();
  }
  await fetch.close();
  return answers;
}

const seen: string[] = [];

const [listener, closeListener] = await listening((audience) => {
  const answer: RequestListener = (request, response) => {
    const transport = new StreamableHTTPServerTransport({});
    void tools()
      .connect(transport)
      .then(() => transport.handleRequest(request, response));
  };
  const { node } = trustedListener(answer, { path: "/mcp", audience, ...server });
  return (request, response) => void node(request, response);
});
seen.push(...(await asked(listener)));
closeListener();

const [web, closeWeb] = await listening((audience) => {
  const handler = trusted(
    {
      fetch: async (request, given) => {
        const transport = new WebStandardStreamableHTTPServerTransport({});
        await tools().connect(transport);
        return transport.handleRequest(request, given);
      },
    },
    { audience, ...server },
  );
  return (request, response) => void handler.node(request, response);
});
seen.push(...(await asked(web)));
closeWeb();

const [near, far] = InMemoryTransport.createLinkedPair();
const audience = "stdio:v1";
await tools().connect(trustedServerTransport(far, { audience, ...server }));
const client = new Client({ name: "v1", version: "1.0.0" });
await client.connect(trustedClientTransport(near, { audience, ...alice }));
seen.push(JSON.stringify(await client.callTool({ name: "whoami", arguments: {} })));
await client.close();

const wrong = seen.filter((each) => !each.includes('"text":"alice"'));
if (seen.length !== 5 || wrong.length > 0) throw new Error(`not from alice: ${wrong.join(", ")}`);
