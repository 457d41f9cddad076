import { runMcpProxy, runMcpRemote, runSupergateway } from "./clients/bridges.mjs";
import { runInspector } from "./clients/inspector.mjs";
import { runSdkV1 } from "./clients/sdk-v1.mjs";
import { runSdkV2 } from "./clients/sdk-v2.mjs";

/**
 * A client, the ways it reaches the channel, and the servers it is tried with. Ways of one client share the direct
 * runs that they are compared with.
 * @typedef {{
 *   name: string,
 *   run: import("./run-client.mjs").RunClient,
 *   fronts: ("stdio" | "http")[],
 *   steps: "steps" | "basics",
 *   servers?: string[],
 * }} Client
 */

/** @param {import("./partners.mjs").Partners | undefined} partners @returns {Client[]} */
export function clients(partners) {
  const both = /** @type {const} */ (["stdio", "http"]);
  return [
    { name: "SDK v2, legacy", run: runSdkV2("legacy"), fronts: [...both], steps: "steps" },
    { name: "SDK v2, auto", run: runSdkV2("auto"), fronts: [...both], steps: "steps" },
    { name: "SDK v1", run: runSdkV1, fronts: [...both], steps: "steps" },
    ...(partners === undefined ? [] : further(partners)),
  ];
}

/** @param {import("./partners.mjs").Partners} partners @returns {Client[]} */
function further(partners) {
  return [
    {
      name: "inspector",
      run: runInspector(partners),
      fronts: ["stdio", "http"],
      steps: "basics",
      servers: ["everything"],
    },
    {
      name: "inspector",
      run: runInspector(partners),
      fronts: ["stdio"],
      steps: "basics",
      servers: ["filesystem", "memory"],
    },
    {
      name: "mcp-proxy",
      run: runMcpProxy(partners),
      fronts: ["stdio"],
      steps: "basics",
      servers: ["everything"],
    },
    {
      name: "mcp-remote",
      run: runMcpRemote(partners),
      fronts: ["http"],
      steps: "basics",
      servers: ["everything (HTTP)"],
    },
    {
      name: "supergateway",
      run: runSupergateway(partners),
      fronts: ["http"],
      steps: "basics",
      servers: ["everything (HTTP)"],
    },
  ];
}
