import type { Command } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { usageError } from "../error.ts";
import { commandHelp, programHelp } from "../help.ts";
import { nearest } from "../nearest.ts";

/** Needs the list it is part of, hence a function. */
export function helpCommand(all: () => readonly Command[]): Command {
  return {
    name: "help",
    summary: "show this help, or the help of one command",
    usage: ["help [COMMAND]"],
    description: "Shows what the program can do, or the options of one command.",
    positionals: [{ name: "COMMAND", help: "the command to explain", optional: true }],
    options: {},
    examples: ["trusted-mcp help connect"],
    run(args, io) {
      const [name] = args.positionals;
      const commands = all();
      const command = commands.find((candidate) => candidate.name === name);
      if (name !== undefined && command === undefined) {
        const guess = nearest(
          name,
          commands.map((candidate) => candidate.name),
        );
        throw usageError(`unknown command "${name}"${guess === undefined ? "" : `; did you mean ${guess}?`}`);
      }
      io.stdout.write(command === undefined ? programHelp(commands) : commandHelp(command));
      return Promise.resolve(EXIT.ok);
    },
  };
}
