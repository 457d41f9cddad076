import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { pinnedServer } from "@trusted-mcp/identity";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { trustedFetch, type TrustedClientOptions, type TrustedFetch } from "@trusted-mcp/sdk/client";
import type { Person } from "./people.ts";
import { AUDIENCE, type TestServer } from "./server.ts";

/** A client of `server` that reaches it at `url`, which is the attacker's when a test says so. */
export function fetchTo(
  server: TestServer,
  url: string = server.url,
  options: Partial<TrustedClientOptions> & { readonly as?: Person } = {},
): TrustedFetch {
  const { as = server.alice, ...rest } = options;
  return trustedFetch({
    url,
    identity: as.identity,
    server: pinnedServer(server.server.publicKey, "tools"),
    audience: AUDIENCE,
    ...rest,
  });
}

/** The real MCP client over it. */
export async function sdkClient(fetch: TrustedFetch, url: string): Promise<Client> {
  const client = new Client({ name: "attacked-client", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
  return client;
}

const HEADERS = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

let ids = 0;

/** One JSON-RPC message through the channel, without the MCP client's own retries and timeouts. */
export async function send(
  fetch: TrustedFetch,
  url: string,
  method: string,
  params: unknown = {},
  init: RequestInit = {},
): Promise<Response> {
  ids += 1;
  const body = JSON.stringify({ jsonrpc: "2.0", id: ids, method, params });
  return await fetch(url, { method: "POST", headers: HEADERS, body, ...init });
}

/** Calls a tool and gives its text. */
export async function callTool(
  fetch: TrustedFetch,
  url: string,
  name: string,
  args: unknown = {},
  init: RequestInit = {},
): Promise<string> {
  const response = await send(fetch, url, "tools/call", { name, arguments: args }, init);
  const body = await response.text();
  const json = body.startsWith("{")
    ? body
    : (body
        .split("\n")
        .findLast((line) => line.startsWith("data: {"))
        ?.slice(6) ?? "");
  const message = JSON.parse(json) as { result?: { content: { text: string }[] } };
  return message.result?.content[0]?.text ?? `no result: ${json}`;
}

/** The code of a refusal; an error without one fails the test. */
export function codeFrom(error: unknown): string {
  if (error instanceof TrustedMcpError) return error.code;
  throw error;
}

/** The code with which `act` was refused. */
export async function codeOf(act: Promise<unknown>): Promise<string> {
  let value: unknown;
  try {
    value = await act;
  } catch (error) {
    return codeFrom(error);
  }
  throw new Error(`nothing was refused: ${String(value).slice(0, 200)}`);
}
