import { endpoint, type OptionSpecs } from "../args.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const DEFAULT_URL = "http://127.0.0.1:8000/mcp";

const options: OptionSpecs = {
  url: {
    type: "string",
    value: "URL",
    help: `the server's address (default: $MCP_URL, or ${DEFAULT_URL})`,
    env: "MCP_URL",
  },
  ...JSON_OPTION,
};

export const migrateConfig: Command = {
  name: "migrate-config",
  summary: "turn a configuration of the Python SDK into ours",
  usage: ["migrate-config FILE [--url URL] [--json]"],
  description:
    "Reads a client or server configuration of the Python SDK (trustedmcp, AICC/0.1) and prints what does the same with " +
    "trusted-mcp/1, and which fields have no equivalent. Nothing is changed, and no secret of the file is printed.",
  positionals: [{ name: "FILE", help: "client_config.json or server_config.json" }],
  options,
  examples: ["trusted-mcp migrate-config server_config.json --url https://tools.example/mcp"],
  async run(args, io) {
    const aicc = await import("@trusted-mcp/aicc/config");
    const config = await aicc.loadConfig(args.positionals[0] ?? "");
    const url = endpoint(args.text("url") ?? DEFAULT_URL);
    const migration = aicc.migrateConfig(config, { url: url.href });
    io.stdout.write(args.flag("json") ? `${JSON.stringify(migration)}\n` : aicc.migrationText(migration));
    return EXIT.ok;
  },
};
