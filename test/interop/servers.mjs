import { rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { freePort, listening, startNode } from "../conformance/children.mjs";
import { EVERYTHING, EVERYTHING_BASICS } from "./servers/everything.mjs";
import { filesystemBasics, filesystemSteps, resetFiles } from "./servers/filesystem.mjs";
import { MEMORY, MEMORY_BASICS } from "./servers/memory.mjs";
import { SEQUENTIAL_THINKING } from "./servers/sequential-thinking.mjs";

/**
 * @typedef {{
 *   name: string,
 *   tools: number,          at least so many tools are offered to a client that can do all
 *   keyType: string,
 *   steps: readonly import("./servers/steps.mjs").Step[],
 *   basics: readonly import("./servers/steps.mjs").Request[],
 *   root: string,
 *   start(children: import("../conformance/children.mjs").Child[]): Promise<import("./run-client.mjs").StdioTarget | import("./run-client.mjs").HttpTarget>,
 *   reset?: () => Promise<void>, puts back what a run changes; such a server takes one client at a time
 * }} Server
 */

const MODULES = fileURLToPath(new URL("../../node_modules/@modelcontextprotocol/", import.meta.url));
const EVERYTHING_FILE = join(MODULES, "server-everything/dist/index.js");

/** @param {string} folder @param {import("./partners.mjs").Partners | undefined} partners @returns {Server[]} */
export function servers(folder, partners) {
  const files = join(folder, "files");
  const graph = join(folder, "memory.jsonl");
  /** @param {string} file @param {string[]} [args] @param {Record<string, string>} [env] */
  const stdio = (file, args = [], env) => {
    // --kill: server-everything does not end by itself when its input does.
    return async () => ({
      command: process.execPath,
      args: [file, ...args],
      kill: true,
      ...(env && { env }),
    });
  };
  const root = pathToFileURL(files).href;
  return [
    {
      name: "everything",
      tools: 17,
      keyType: "ed25519",
      steps: EVERYTHING,
      basics: EVERYTHING_BASICS,
      root,
      start: stdio(EVERYTHING_FILE, ["stdio"]),
    },
    {
      name: "everything (HTTP)",
      tools: 17,
      keyType: "ecdsa-p256",
      steps: EVERYTHING,
      basics: EVERYTHING_BASICS,
      root,
      start: startEverythingHttp,
    },
    {
      name: "filesystem",
      tools: 14,
      keyType: "ed25519",
      steps: filesystemSteps(files),
      basics: filesystemBasics(files),
      root,
      start: stdio(join(MODULES, "server-filesystem/dist/index.js"), [files]),
      reset: () => resetFiles(files),
    },
    {
      name: "memory",
      tools: 9,
      keyType: "ecdsa-p256",
      steps: MEMORY,
      basics: MEMORY_BASICS,
      root,
      start: stdio(join(MODULES, "server-memory/dist/index.js"), [], { MEMORY_FILE_PATH: graph }),
      reset: () => rm(graph, { force: true }),
    },
    ...(partners === undefined
      ? []
      : [
          {
            name: "sequential-thinking",
            tools: 1,
            keyType: "ed25519",
            steps: SEQUENTIAL_THINKING,
            basics: [],
            root,
            start: stdio(partners.file("@modelcontextprotocol/server-sequential-thinking/dist/index.js")),
          },
        ]),
  ];
}

/** @param {import("../conformance/children.mjs").Child[]} children */
async function startEverythingHttp(children) {
  const port = await freePort();
  // The only way to tell it; a child gets the environment as it is at this moment.
  process.env["PORT"] = `${port}`;
  const child = startNode("server-everything", [EVERYTHING_FILE, "streamableHttp"]);
  delete process.env["PORT"];
  children.push(child);
  await listening(port, child);
  return { url: `http://127.0.0.1:${port}/mcp` };
}
