import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * The inspector's command line: one process, and one connection, per call. What it prints is the outcome.
 * @param {import("../partners.mjs").Partners} partners
 * @returns {import("../run-client.mjs").RunClient}
 */
export function runInspector({ node22, file }) {
  const program = file("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
  return async (target, { steps, folder }) => {
    // A host's configuration file, as people have it.
    const config = join(folder, `mcp-${Math.random()}.json`);
    const entry =
      "url" in target
        ? { type: "streamable-http", url: target.url }
        : { command: target.command, args: target.args, env: target.env };
    await writeFile(config, JSON.stringify({ mcpServers: { tapped: entry } }));
    const outcomes = [];
    for (const step of steps) {
      if (!("method" in step)) continue;
      const args = ["--cli", "--config", config, "--server", "tapped", "--format", "json", ...flags(step)];
      const { stdout } = await run(node22, [program, ...args], { timeout: 30_000, maxBuffer: 16_000_000 });
      outcomes.push({ ok: /** @type {const} */ (true), value: stdout });
    }
    return outcomes;
  };
}

/** @param {import("../servers/steps.mjs").Request} request */
function flags({ method, params }) {
  const { name, arguments: args, uri } = /** @type {any} */ (params) ?? {};
  const flags = ["--method", method];
  if (method === "tools/call") flags.push("--tool-name", name, "--tool-args-json", JSON.stringify(args));
  if (method === "prompts/get") {
    flags.push("--prompt-name", name);
    const pairs = Object.entries(args ?? {}).map(([key, value]) => `${key}=${value}`);
    if (pairs.length > 0) flags.push("--prompt-args", ...pairs);
  }
  if (uri !== undefined) flags.push("--uri", uri);
  return flags;
}
