import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { type Args, parse } from "./args.ts";
import { COMMON_OPTIONS, type Command } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { usageError } from "./error.ts";
import { causes, codeOf, EXIT, exitCodeOf } from "./exit-code.ts";
import { commandHelp, programHelp } from "./help.ts";
import type { Io } from "./io.ts";
import {
  createLog,
  type Log,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type LogLevel,
} from "./log.ts";
import { nearest } from "./nearest.ts";
import { painter } from "./terminal.ts";

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  // Until the options are parsed the log format is unknown; a usage error must still respect it.
  let log = openLog(
    io,
    argv.includes("--log-format=json") || argv[argv.indexOf("--log-format") + 1] === "json" ? "json" : "text",
  );
  try {
    const [name, ...rest] = argv;
    if (name === undefined) {
      io.stderr.write(programHelp(COMMANDS));
      return EXIT.usage;
    }
    const command = findCommand(name);
    const args = parse({ ...command, options: { ...command.options, ...COMMON_OPTIONS } }, rest, io.env);
    log = openLog(
      io,
      choice(LOG_FORMATS, args.text("log-format")) ?? "text",
      choice(LOG_LEVELS, args.text("log-level")),
    );
    if (args.flag("help")) {
      io.stdout.write(commandHelp(command));
      return EXIT.ok;
    }
    return await runUntilSignal(command, args, io, log);
  } catch (error) {
    return report(error, argv[0], io, log);
  }
}

async function runUntilSignal(command: Command, args: Args, io: Io, log: Log): Promise<number> {
  const code = await command.run(args, io, log);
  return io.signal.aborted && code !== EXIT.ok ? signalCode(io.signal) : code;
}

/** 128 + signal number, as shells report it. */
export function signalCode(signal: AbortSignal): number {
  return signal.reason === "SIGTERM" ? 143 : 130;
}

function findCommand(name: string): Command {
  const wanted =
    name === "--help" || name === "-h" ? "help" : name === "--version" || name === "-V" ? "version" : name;
  const command = COMMANDS.find((candidate) => candidate.name === wanted);
  if (command !== undefined) return command;
  if (name.startsWith("-")) throw usageError(`a command comes first; ${name} belongs after it`);
  const guess = nearest(
    name,
    COMMANDS.map((candidate) => candidate.name),
  );
  throw usageError(`unknown command "${name}"${guess === undefined ? "" : `; did you mean ${guess}?`}`);
}

function report(error: unknown, commandName: string | undefined, io: Io, log: Log): number {
  if (io.signal.aborted) return signalCode(io.signal);
  const exit = exitCodeOf(error);
  log.error(describe(error), errorFields(error));
  if (exit === EXIT.usage) {
    const known = COMMANDS.some((command) => command.name === commandName);
    io.stderr.write(`Run \`trusted-mcp ${known ? `${commandName} --help` : "help"}\` for how to write it.\n`);
  }
  return exit;
}

/** What a person reads. Only our own errors are trusted to hold no secret; of others, little is said. */
export function describe(error: unknown): string {
  if (error instanceof TrustedMcpError) return error.message;
  // V8 puts a piece of the input into the message of a JSON syntax error.
  if (error instanceof SyntaxError) return "the text is not valid JSON";
  return error instanceof Error
    ? `${error.name}: ${error.message.slice(0, 300)}`
    : "something that is not an error was thrown";
}

export function errorFields(error: unknown): LogFields {
  const [first, ...rest] = causes(error);
  return {
    code: codeOf(first),
    action: first instanceof TrustedMcpError ? first.action : undefined,
    cause: rest.map((link) => codeOf(link)).find((code) => code !== undefined),
  };
}

function openLog(io: Io, format: LogFormat, level: LogLevel = "info"): Log {
  return createLog({ stream: io.stderr, format, level, paint: painter(io.stderr, io.env) });
}

function choice<T extends string>(choices: readonly T[], text: string | undefined): T | undefined {
  return choices.find((candidate) => candidate === text);
}
