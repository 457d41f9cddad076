import { readFileSync } from "node:fs";
import type { Command } from "../command.ts";
import { JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** The version of the installed package, read from its own manifest. */
export function programVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const known = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return known && typeof manifest.version === "string" ? manifest.version : "0.0.0";
}

export const version: Command = {
  name: "version",
  summary: "print the version",
  usage: ["version [--json]"],
  description: "Prints the version of trusted-mcp, of the channel protocol and of Node.js.",
  positionals: [],
  options: JSON_OPTION,
  examples: ["trusted-mcp version"],
  run(args, io) {
    const facts = { version: programVersion(), protocol: "trusted-mcp/1", node: process.versions.node };
    const text = `trusted-mcp ${facts.version} (${facts.protocol}, Node.js ${facts.node})`;
    io.stdout.write(`${args.flag("json") ? JSON.stringify(facts) : text}\n`);
    return Promise.resolve(EXIT.ok);
  },
};
