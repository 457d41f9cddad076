// An MCP client, as the official SDK's documentation writes it.
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { fetchFrom } from "./client.trust.mjs";

const url = new URL(process.env.MCP_URL ?? "http://127.0.0.1:8080/mcp");
const client = new Client({ name: "adding-client", version: "1.0.0" });
const transport = new StreamableHTTPClientTransport(url, { fetch: fetchFrom(url) });

try {
  await client.connect(transport);
  const { content } = await client.callTool({ name: "add", arguments: { a: 2, b: 40 } });
  console.log(content[0].text);
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
