import process from "node:process";
import { freePort, listening, startNode, stop } from "../../conformance/children.mjs";
import { runSdkV1 } from "./sdk-v1.mjs";

// Other people's bridges between stdio and HTTP, with an SDK v1 client in front of them.

/** @typedef {import("../run-client.mjs").RunClient} RunClient */

/** @param {import("../partners.mjs").Partners} partners @returns {RunClient} */
export function runMcpRemote({ file }) {
  return stdioBridge((url) => [file("mcp-remote/dist/proxy.js"), url]);
}

/** @param {import("../partners.mjs").Partners} partners @returns {RunClient} */
export function runSupergateway({ file }) {
  return stdioBridge((url) => [
    file("supergateway/dist/index.js"),
    "--streamableHttp",
    url,
    "--logLevel",
    "none",
  ]);
}

/** @param {import("../partners.mjs").Partners} partners @returns {RunClient} */
export function runMcpProxy({ file }) {
  return async (target, scenario) => {
    if ("url" in target) throw new Error("mcp-proxy bridges from stdio");
    const port = await freePort();
    const options = ["--port", `${port}`, "--server", "stream", "--"];
    const child = startNode("mcp-proxy", [
      file("mcp-proxy/dist/bin/mcp-proxy.mjs"),
      ...options,
      target.command,
      ...target.args,
    ]);
    try {
      await listening(port, child);
      return await runSdkV1({ url: `http://127.0.0.1:${port}/mcp`, quiet: target.quiet }, scenario);
    } finally {
      await stop(child);
    }
  };
}

/** @param {(url: string) => string[]} args @returns {RunClient} */
function stdioBridge(args) {
  return (target, scenario) => {
    if (!("url" in target)) throw new Error("this bridge bridges from HTTP");
    return runSdkV1({ command: process.execPath, args: args(target.url), quiet: target.quiet }, scenario);
  };
}
