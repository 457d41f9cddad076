import type { Args, Grammar, OptionSpecs } from "./args.ts";
import type { Io } from "./io.ts";
import type { Log } from "./log.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./log.ts";

/** One command: its grammar is the single source for parsing and for help. */
export interface Command extends Grammar {
  readonly name: string;
  readonly summary: string;
  /** Without the leading `trusted-mcp`. */
  readonly usage: readonly string[];
  readonly description: string;
  readonly examples: readonly string[];
  /** Resolves to the exit code; a thrown error is reported and mapped by the dispatcher. */
  run(args: Args, io: Io, log: Log): Promise<number>;
}

/** Options that every command takes. */
export const COMMON_OPTIONS: OptionSpecs = {
  "log-format": {
    type: "string",
    value: "text|json",
    choices: LOG_FORMATS,
    help: "form of the log on stderr (default: text)",
  },
  "log-level": {
    type: "string",
    value: "LEVEL",
    choices: LOG_LEVELS,
    help: "debug, info, warn, error or silent (default: info)",
  },
  help: { type: "boolean", short: "h", help: "show this help" },
};

export const JSON_OPTION: OptionSpecs = {
  json: { type: "boolean", help: "print one JSON object on stdout instead of text" },
};
