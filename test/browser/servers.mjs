// What the page talks to, all real and on 127.0.0.1: a TrustedMcpServer, the program in front of a stdio server, an
// attacking proxy, and two sites that serve the page.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKey, identityFrom, keySigner, pinnedPeers } from "@trusted-mcp/identity";
import { TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { z } from "zod";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = (value) => ({ content: [{ type: "text", text: value }] });

/** Nothing but what the page needs: no inline script, no eval, no other host. */
const POLICY = "default-src 'none'; script-src 'self'; connect-src http://127.0.0.1:*";

/** A site that serves the page and its scripts; its origin is what servers allow, or do not. */
export async function site(scripts) {
  const tags = Object.keys(scripts).map((name) => `<script type="module" src="/${name}"></script>`);
  const http = createServer((request, response) => {
    const script = scripts[request.url.slice(1)];
    const [type, body] = script === undefined ? ["text/html", tags.join("\n")] : ["text/javascript", script];
    response.writeHead(request.url === "/favicon.ico" ? 404 : 200, {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": POLICY,
    });
    response.end(body);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${http.address().port}`,
    close: () => {
      http.closeAllConnections();
      return new Promise((resolve) => http.close(resolve));
    },
  };
}

export async function toolServer({ allowedOrigins, type = "ed25519" }) {
  const { privateKey, publicKey } = await generateKey(type);
  const clients = pinnedPeers([]);
  const ledger = { runs: 0, cancelled: 0, handshakes: [], refused: [] };
  const server = new TrustedMcpServer(
    { name: "browsed", version: "1.0.0" },
    {
      identity: identityFrom(keySigner(privateKey)),
      clients,
      allowedOrigins,
      onHandshake: (event) => ledger.handshakes.push(event.outcome),
      onerror: (error) => ledger.refused.push(error.code ?? String(error)),
    },
  );
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, (given) => {
    ledger.runs += 1;
    return text(given.text);
  });
  server.registerTool("whoami", {}, (ctx) => text(ctx.http?.authInfo?.clientId ?? ""));
  server.registerTool("make", { inputSchema: z.object({ bytes: z.number() }) }, ({ bytes }) =>
    text("m".repeat(bytes)),
  );
  server.registerTool("fails", {}, () => ({ ...text("it is broken"), isError: true }));
  const progress = async (ctx, params) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, ...params } });
  };
  const sizes = z.object({ steps: z.number(), bytes: z.number() });
  server.registerTool("steps", { inputSchema: sizes }, async ({ steps, bytes }, ctx) => {
    for (let step = 1; step <= steps; step += 1) await progress(ctx, { progress: step, total: steps });
    return text("x".repeat(bytes));
  });
  server.registerTool("waits", {}, async (ctx) => {
    const { signal } = ctx.mcpReq;
    const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await progress(ctx, { progress: 1 });
    await stopped;
    ledger.cancelled += 1;
    return text("stopped");
  });
  const listening = await server.listen();
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { url: listening.url, pem, clients, ledger, close: listening.close };
}

/** `trusted-mcp serve` in front of a stdio server that others wrote. */
export async function program({ keyFile, allow, origin }) {
  const require = createRequire(join(root, "package.json"));
  const home = join(require.resolve("@modelcontextprotocol/server-everything/package.json"), "..");
  const command = [process.execPath, join(home, "dist/index.js"), "stdio"];
  const serve = ["serve", "--port", "0", "--key", keyFile, "--allow", allow, "--allow-origin", origin];
  const child = spawn(
    process.execPath,
    [join(root, "packages/trusted-mcp/bin/trusted-mcp.js"), ...serve, "--", ...command],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (part) => {
      printed += part;
      if (printed.includes("\n")) resolve(printed.trim());
    });
    child.once("exit", () => reject(new Error(`serve ended: ${log}`)));
  });
  return {
    url,
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
