import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { finished, freePort, listening, startNode, stop, tail } from "./children.mjs";
import { withTempFolder } from "./temp-folder.mjs";

/** Our program, as `npm run build` makes it. */
export const PROGRAM = fileURLToPath(
  new URL("../../packages/trusted-mcp/bin/trusted-mcp.js", import.meta.url),
);

/**
 * Puts `serve` and `connect --listen` in front of a plain MCP server while `use` runs, which gets the plain
 * URL that has the channel behind it, and what the two programs logged so far.
 * @template T
 * @param {string} upstream
 * @param {(url: string, log: () => string) => Promise<T>} use
 * @param {string} [program]
 */
export function withChannel(upstream, use, program = PROGRAM) {
  return withTempFolder(async (folder) => {
    /** @type {import("./children.mjs").Child[]} */
    const children = [];
    /** @param {string} command @param {string[]} args */
    const start = (command, ...args) => {
      const child = startNode(command, [program, command, ...args]);
      children.push(child);
      return child;
    };
    const file = (/** @type {string} */ name) => join(folder, name);
    try {
      for (const name of ["server", "client"]) {
        const keygen = start("keygen", "--out", file(name));
        if ((await finished(keygen, 20_000)) !== 0) throw new Error(`keygen failed.${tail(keygen)}`);
      }
      const port = await freePort();
      const trusted = `http://127.0.0.1:${port}/mcp`;
      const allow = ["--key", file("server.key.pem"), "--allow", file("client.pub.pem")];
      await listening(port, start("serve", "--port", `${port}`, ...allow, "--upstream", upstream));
      await refusesPlaintext(trusted);
      const listen = await freePort();
      const pin = ["--key", file("client.key.pem"), "--server-key", file("server.pub.pem")];
      await listening(listen, start("connect", trusted, ...pin, "--listen", `${listen}`));
      return await use(`http://127.0.0.1:${listen}/mcp`, () => children.map(tail).join(""));
    } finally {
      await Promise.all(children.map(stop));
    }
  });
}

/**
 * Equal counts would mean nothing if `serve` also took plain MCP: then the channel could be missing.
 * @param {string} url
 */
async function refusesPlaintext(url) {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "plain", version: "1" },
  };
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await response.text();
  if (response.ok || body.includes("protocolVersion")) {
    throw new Error(
      `serve answered a plaintext initialize with HTTP ${response.status}: no channel is needed.`,
    );
  }
}
