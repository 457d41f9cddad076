import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { finished, printed, startNode, stop, tail } from "./children.mjs";
import { withTempFolder } from "./temp-folder.mjs";

/** Our program, as `npm run build` makes it. */
export const PROGRAM = fileURLToPath(
  new URL("../../packages/trusted-mcp/bin/trusted-mcp.js", import.meta.url),
);

/**
 * @typedef {{ program: string, keys: string }} Between the trusted-mcp program, and a folder of `withKeys`
 * @typedef {{ child: import("./children.mjs").Child, url: string }} Started
 */

/**
 * A folder with the keys of a server and a client that know each other, for as long as `use` runs.
 * @template T
 * @param {string} program
 * @param {(keys: string) => Promise<T>} use
 */
export function withKeys(program, use) {
  return withTempFolder(async (keys) => {
    for (const name of ["server", "client"]) {
      const keygen = startNode("keygen", [program, "keygen", "--out", join(keys, name)]);
      if ((await finished(keygen, 60_000)) !== 0) throw new Error(`keygen failed.${tail(keygen)}`);
    }
    return use(keys);
  });
}

/**
 * `serve` in front of a plain MCP server.
 * @param {string} upstream
 * @param {Between} between
 * @param {readonly string[]} [more] arguments
 */
export function startServe(upstream, { program, keys }, more = []) {
  const allow = ["--key", join(keys, "server.key.pem"), "--allow", join(keys, "client.pub.pem")];
  return ready("serve", [program, "serve", "--port", "0", "--upstream", upstream, ...allow, ...more]);
}

/**
 * `connect --listen` in front of `serve`.
 * @param {string} trusted
 * @param {Between} between
 * @param {readonly string[]} [more] arguments
 */
export function startConnect(trusted, { program, keys }, more = []) {
  const pin = ["--key", join(keys, "client.key.pem"), "--server-key", join(keys, "server.pub.pem")];
  return ready("connect", [program, "connect", trusted, "--listen", "0", ...pin, ...more]);
}

/** Both print the address that they listen on. @param {string} name @param {readonly string[]} args @returns {Promise<Started>} */
async function ready(name, args) {
  const child = startNode(name, args);
  try {
    return { child, url: await printed(child, /^http:\/\/\S+$/m) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/**
 * Puts `connect --listen` in front of a trusted server while `use` runs, which gets the plain URL that has the
 * channel behind it, and what the program logged so far.
 * @template T
 * @param {string} trusted
 * @param {Between} between
 * @param {(url: string, log: () => string) => Promise<T>} use
 */
export async function withConnect(trusted, between, use) {
  await refusesPlaintext(trusted);
  const { child, url } = await startConnect(trusted, between);
  try {
    return await use(url, () => tail(child));
  } finally {
    await stop(child);
  }
}

/**
 * The same with `serve` in front of a plain server.
 * @template T
 * @param {string} upstream
 * @param {Between} between
 * @param {(url: string, log: () => string) => Promise<T>} use
 */
export async function withChannel(upstream, between, use) {
  const { child, url } = await startServe(upstream, between);
  try {
    return await withConnect(url, between, (plain, log) => use(plain, () => `${tail(child)}${log()}`));
  } finally {
    await stop(child);
  }
}

/**
 * Equal counts would mean nothing if the server also took plain MCP: then the channel could be missing.
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
      `The trusted server answered a plaintext initialize with HTTP ${response.status}: no channel is needed.`,
    );
  }
}
