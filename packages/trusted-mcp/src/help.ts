import type { OptionSpec } from "./args.ts";
import { COMMON_OPTIONS, type Command } from "./command.ts";
import { EXIT_HELP } from "./exit-code.ts";

const WIDTH = 92;

export function programHelp(commands: readonly Command[]): string {
  return [
    "trusted-mcp: put any MCP server and any MCP host behind an end-to-end encrypted,",
    "mutually authenticated channel.",
    "",
    "Usage: trusted-mcp COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...table(commands.map((command) => [command.name, command.summary])),
    "",
    "Environment:",
    ...table([
      ["TRUSTED_MCP_KEY", "path of our key file, when --key is absent"],
      ["TRUSTED_MCP_SERVER_KEY", "path of the server's public key, when --server-key is absent"],
      ["NO_COLOR", "no colours, even on a terminal"],
    ]),
    "",
    "Exit codes:",
    ...table(EXIT_HELP),
    "",
    "Run `trusted-mcp COMMAND --help` for the options of a command.",
    "",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const options = { ...command.options, ...COMMON_OPTIONS };
  const positionals = command.positionals.map((spec) => [spec.name, spec.help] as const);
  const passthrough =
    command.passthrough === undefined ? [] : [["-- COMMAND ARGS…", command.passthrough] as const];
  const args = [...positionals, ...passthrough];
  return [
    command.usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} trusted-mcp ${line}`).join("\n"),
    "",
    ...wrap(command.description, 0),
    ...(args.length === 0 ? [] : ["", "Arguments:", ...table(args)]),
    "",
    "Options:",
    ...table(Object.entries(options).map(([name, spec]) => [optionLabel(name, spec), optionHelp(spec)])),
    "",
    command.examples.length === 1 ? "Example:" : "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

function optionLabel(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return `${short}--${name}${spec.type === "string" ? ` ${spec.value ?? "VALUE"}` : ""}`;
}

function optionHelp(spec: OptionSpec): string {
  const notes = [
    ...(spec.multiple === true ? ["may be repeated"] : []),
    ...(spec.env === undefined ? [] : [`default: $${spec.env}`]),
  ];
  return notes.length === 0 ? spec.help : `${spec.help} (${notes.join("; ")})`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const column = Math.min(30, Math.max(...rows.map(([label]) => label.length))) + 4;
  return rows.flatMap(([label, text]) => {
    const lines = wrap(text, column);
    const first = lines[0] ?? "";
    const head = `  ${label}`;
    if (head.length + 2 > column) return [head, ...lines];
    return [head.padEnd(column) + first.trimStart(), ...lines.slice(1)];
  });
}

function wrap(text: string, indent: number): string[] {
  const pad = " ".repeat(indent);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(pad + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, pad + line];
}
