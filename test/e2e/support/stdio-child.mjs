// A stdio server in a process of its own, behind a sealed transport. What it does is in its arguments:
// FOLDER (keys, and the file that says what happened) and the kind of server.
import { appendFileSync } from "node:fs";
import { serverKeys } from "@trusted-mcp/sdk/server";
import { trustedServerTransport } from "@trusted-mcp/sdk/stdio";
import { z } from "zod";

const [folder, kind] = process.argv.slice(2);
const note = (text) => appendFileSync(`${folder}/log`, `${text}\n`);
note("started");

// Only the SDK that is asked for: loading both takes longer than all the rest.
const old = kind.startsWith("v1");
const sdk = old ? "@modelcontextprotocol/sdk/server" : "@modelcontextprotocol/server";
const { McpServer } = await import(old ? `${sdk}/mcp.js` : sdk);
const { StdioServerTransport, serveStdio } = await import(old ? `${sdk}/stdio.js` : `${sdk}/stdio`);

const keys = await serverKeys({ key: `${folder}/server.key.pem`, allow: [`alice=${folder}/alice.pub.pem`] });
const options = {
  ...keys,
  audience: "stdio:child",
  onHandshake: (event) => note(event.outcome === "accepted" ? `accepted ${event.peer?.name}` : event.code),
};
const text = (value) => ({ content: [{ type: "text", text: value }] });

function v2() {
  const server = new McpServer({ name: "child", version: "1.0.0" });
  server.registerTool("whoami", {}, (ctx) => text(ctx.http?.authInfo?.clientId ?? "nobody"));
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (input) => text(input.text));
  server.registerTool("dies", {}, () => {
    note("dies");
    process.exit(1);
  });
  return server;
}

function v1() {
  const server = new McpServer({ name: "child", version: "1.0.0" });
  server.registerTool("whoami", {}, (extra) => text(extra.authInfo?.clientId ?? "nobody"));
  server.registerTool("echo", { inputSchema: { text: z.string() } }, (input) => text(input.text));
  server.registerTool("dies", {}, () => process.exit(1));
  return server;
}

const carrier = new StdioServerTransport();
const transport = trustedServerTransport(carrier, options);
switch (kind) {
  case "v2":
    serveStdio(transport.withPeer(v2), { transport });
    break;
  case "v2-modern":
    serveStdio(transport.withPeer(v2), { transport, legacy: "reject" });
    break;
  case "v2-connect":
    await v2().connect(transport);
    break;
  case "v1":
    await v1().connect(transport);
    break;
  case "v1-strict": {
    // As servers of older SDKs do: a question before `initialize` ends the process.
    await v1().connect(transport);
    const { onmessage } = transport;
    let first = true;
    transport.onmessage = (message, extra) => {
      if (first && message.method !== "initialize") process.exit(3);
      first = false;
      onmessage(message, extra);
    };
    break;
  }
}
