import { readFile } from "node:fs/promises";
import type { CallToolResult } from "@modelcontextprotocol/client";
import { integer, type OptionSpecs } from "../args.ts";
import { readLimited } from "../bridge/body.ts";
import { isRecord } from "../bridge/json-rpc.ts";
import { type Command, JSON_OPTION } from "../command.ts";
import { ProgramError, usageError } from "../error.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { STDIO_OPTION, TARGET, targetOf } from "../target.ts";
import { printable } from "@trusted-mcp/primitives/printable";
import { CLIENT_OPTIONS } from "../trust.ts";
import { parseUrl } from "../url.ts";

const options: OptionSpecs = {
  ...CLIENT_OPTIONS,
  ...STDIO_OPTION,
  args: {
    type: "string",
    value: "JSON|@FILE",
    help: "the arguments as a JSON object, or @FILE to read them from a file (@- from stdin): command lines are visible to others",
  },
  timeout: {
    type: "string",
    value: "SECONDS",
    help: "give up after this long without an answer or progress (default: 60)",
  },
  ...JSON_OPTION,
};

const TOOL = { name: "TOOL", help: "the tool's name" };

const MAX_ARGS_BYTES = 16 * 1024 * 1024;

export const call: Command = {
  name: "call",
  summary: "call one tool of a trusted server",
  usage: [
    "call URL TOOL --key FILE --server-key FILE [--args JSON|@FILE] [--timeout SECONDS] [--json]",
    "call --stdio TOOL --key FILE --server-key FILE --audience NAME [--args JSON|@FILE] … -- COMMAND ARGS…",
  ],
  description:
    "Calls a tool and prints its content; --json prints the whole result. Ends with 1 when the tool reports an error " +
    "and with 6 when nobody can say whether it ran.",
  positionals: [TARGET.url, { ...TOOL, optional: true }],
  passthrough: TARGET.passthrough,
  // Not repeated: it is the tool's arguments, most likely, and they may hold secrets.
  surplus: () => `TOOL is the last argument; what the tool is given goes into --args '{"name":"value"}'`,
  options,
  examples: [
    `trusted-mcp call https://tools.example/mcp weather --args '{"city":"Oslo"}' --key alice.key.pem --server-key server.pub.pem`,
    "trusted-mcp call https://tools.example/mcp weather --args @args.json --json",
    "trusted-mcp call --stdio list_directory --args @args.json --audience stdio:files -- docker exec -i files trusted-mcp serve --stdio --key server.key.pem --allow alice.pub.pem --audience stdio:files -- mcp-server-filesystem /data",
  ],
  async run(args, io) {
    const [where = "", second = ""] = args.positionals;
    if (/^https?:\/\//i.test(second) && parseUrl(where) === undefined)
      throw usageError(`URL comes first, then TOOL: trusted-mcp call URL ${printable(where)}`);
    const target = targetOf(args, 1);
    const name = args.positionals["url" in target ? 1 : 0];
    if (name === undefined) throw usageError(`${TOOL.name} is missing: ${TOOL.help}`);
    const timeout = integer(args.text("timeout") ?? "60", "timeout", 1, 86_400) * 1000;
    const toolArgs = await readArguments(args.text("args") ?? "{}", io);
    const { withClient } = await import("../client/with-client.ts");
    const { linkTo } = await import("../client/link-to.ts");
    const result = await withClient(await linkTo(target, args, io), io.signal, ({ client }) =>
      client.callTool(
        { name, arguments: toolArgs },
        // Asking for progress lets a long call live: each report starts the time anew.
        { timeout, signal: io.signal, resetTimeoutOnProgress: true, onprogress: () => undefined },
      ),
    );
    io.stdout.write(args.flag("json") ? `${JSON.stringify(result)}\n` : contentText(result));
    return result.isError === true ? EXIT.failed : EXIT.ok;
  },
};

/** Parses --args. Its value never enters a message: arguments may hold secrets. */
async function readArguments(given: string, io: Io): Promise<Record<string, unknown>> {
  const text = given.startsWith("@") ? await readSource(given.slice(1), io) : given;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError(`--args is not valid JSON; quote it for the shell: --args '{"name":"value"}'`);
  }
  if (!isRecord(value))
    throw usageError(`--args is a JSON object with the tool's arguments: --args '{"name":"value"}'`);
  return value;
}

async function readSource(name: string, io: Io): Promise<string> {
  if (name === "-")
    return readLimited(io.stdin as AsyncIterable<Uint8Array>, MAX_ARGS_BYTES, "standard input");
  try {
    return await readFile(name, "utf8");
  } catch (cause) {
    throw new ProgramError("ERR_FILE", `the file of --args cannot be read: ${printable(name)}`, {
      action: "fix",
      cause,
    });
  }
}

/** What a person wants to see: texts as they are, everything else named. */
function contentText(result: CallToolResult): string {
  const parts = result.content.map((item) => {
    switch (item.type) {
      case "text":
        return printable(item.text, true);
      case "image":
      case "audio":
        return `[${item.type}: ${printable(item.mimeType)}, ${Math.floor((item.data.length * 3) / 4)} bytes; --json shows it]`;
      case "resource_link":
        return `[resource: ${printable(item.uri)}]`;
      case "resource":
        return "text" in item.resource
          ? printable(item.resource.text, true)
          : `[resource: ${printable(item.resource.uri)}; --json shows it]`;
    }
  });
  if (parts.length === 0 && result.structuredContent !== undefined) {
    parts.push(printable(JSON.stringify(result.structuredContent, undefined, 2), true));
  }
  return parts.length === 0 ? "" : `${parts.join("\n")}\n`;
}
