import { type Args, endpoint, type OptionSpecs, type PositionalSpec } from "./args.ts";
import { usageError } from "./error.ts";
import { URL_ARGUMENT } from "./trust.ts";

/** Where the trusted server is: behind a URL, or behind the pipe of a command. */
export type Target = { readonly url: URL } | { readonly command: readonly string[] };

export const STDIO_OPTION: OptionSpecs = {
  stdio: {
    type: "boolean",
    help: "run COMMAND and speak the channel on its standard input and output, instead of HTTP to URL",
  },
};

/** What stands in the grammar of a command that takes either. */
export const TARGET: { readonly url: PositionalSpec; readonly passthrough: string } = {
  url: { ...URL_ARGUMENT, optional: true },
  passthrough: "with --stdio: the command that runs the other end; the -- is needed",
};

/** @param more - how many arguments of the command's own follow URL, or stand alone with --stdio. */
export function targetOf(args: Args, more = 0): Target {
  if (!args.flag("stdio")) {
    const [address] = args.positionals;
    if (address === undefined) throw usageError(`URL is missing: ${URL_ARGUMENT.help}`);
    if (args.rest !== undefined) throw usageError("a command after -- is only for --stdio");
    return { url: endpoint(address) };
  }
  if (args.positionals.length > more) throw usageError("give URL or --stdio, not both");
  const command = args.rest ?? [];
  if (command.length === 0)
    throw usageError("--stdio needs the command that runs the other end: -- COMMAND ARGS…");
  return { command };
}
