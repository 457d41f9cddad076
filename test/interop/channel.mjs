import { join } from "node:path";
import process from "node:process";
import { PROGRAM } from "../conformance/channel.mjs";
import { finished, freePort, listening, startNode, tail } from "../conformance/children.mjs";

/**
 * @typedef {import("../conformance/children.mjs").Child} Child
 * @typedef {{ stdio: import("./run-client.mjs").StdioTarget, http: import("./run-client.mjs").HttpTarget, log: () => string }} Fronts
 */

/**
 * Puts `serve` in front of a server and `connect` in front of that, with new keys. A client reaches the server by
 * starting `connect` as its stdio server, or by plain HTTP through a `connect --listen` that runs already.
 * @param {import("./run-client.mjs").StdioTarget | import("./run-client.mjs").HttpTarget} server
 * @param {string} folder for the keys
 * @param {string} keyType
 * @param {Child[]} children gets what was started, for the caller to stop
 * @returns {Promise<Fronts>}
 */
export async function openChannel(server, folder, keyType, children) {
  /** @param {string} command @param {string[]} args */
  const start = (command, ...args) => {
    const child = startNode(command, [PROGRAM, command, ...args]);
    children.push(child);
    return child;
  };
  const file = (/** @type {string} */ name) => join(folder, name);
  const keygens = ["server", "client"].map((name) => start("keygen", "--type", keyType, "--out", file(name)));
  for (const keygen of keygens) {
    if ((await finished(keygen, 30_000)) !== 0) throw new Error(`keygen failed.${tail(keygen)}`);
  }
  const port = await freePort();
  const behind = "url" in server ? ["--upstream", server.url] : command(server);
  const allow = ["--key", file("server.key.pem"), "--allow", `interop=${file("client.pub.pem")}`];
  const serve = start("serve", "--port", `${port}`, ...allow, ...behind);
  await listening(port, serve);
  const url = `http://127.0.0.1:${port}/mcp`;
  await refusesPlaintext(url);

  const listen = await freePort();
  const connect = [url, "--key", file("client.key.pem"), "--server-key", file("server.pub.pem")];
  await listening(listen, start("connect", ...connect, "--listen", `${listen}`));
  return {
    stdio: { command: process.execPath, args: [PROGRAM, "connect", ...connect] },
    http: { url: `http://127.0.0.1:${listen}/mcp` },
    log: () => children.map(tail).join(""),
  };
}

/** @param {import("./run-client.mjs").StdioTarget} server */
function command({ command, args, env = {} }) {
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return [...variables, "--", command, ...args];
}

/** Equal answers would mean nothing if `serve` also took plain MCP: then the channel could be missing. @param {string} url */
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
  if (response.ok || (await response.text()).includes("protocolVersion")) {
    throw new Error(
      `serve answered a plaintext initialize with HTTP ${response.status}: no channel is needed.`,
    );
  }
}
