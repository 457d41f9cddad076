import { parseArgs } from "node:util";
import { usageError } from "./error.ts";
import { nearest } from "./nearest.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly help: string;
  /** What to write for the value in help: `--key FILE`. */
  readonly value?: string;
  readonly short?: string;
  readonly multiple?: boolean;
  readonly choices?: readonly string[];
  /** Environment variable that gives the value when the option is absent. */
  readonly env?: string;
}
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface PositionalSpec {
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
}

export interface Grammar {
  readonly options: OptionSpecs;
  readonly positionals: readonly PositionalSpec[];
  /** Set when everything after `--` belongs to another program. */
  readonly passthrough?: string;
  /** What to say of one argument too many, where people tend to put something. */
  readonly surplus?: (argument: string) => string;
}

/** A parsed command line. Asking for an option that the grammar lacks is a bug and throws. */
export interface Args {
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  readonly positionals: readonly string[];
  /** What followed `--`, or undefined when there was no `--`. */
  readonly rest: readonly string[] | undefined;
}

/** Parses strictly: whatever is not in the grammar is a usage error that names the nearest match. */
export function parse(
  grammar: Grammar,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Args {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(grammar.options).map(([name, spec]) => [name, parserSpec(spec)]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      // The runtime reads the "--" out of "-h--x" as well: one more letter option and the end of options.
      if (argv[token.index] !== "--") throw usageError(`unknown option ${argv[token.index] ?? ""}`);
      if (grammar.passthrough === undefined) throw usageError('nothing may follow "--" here');
      rest = [];
    } else if (token.kind === "positional") {
      (rest ?? positionals).push(token.value);
    } else {
      const value = checkOption(grammar, token, positionals);
      const seen = values.get(token.name);
      if (seen === undefined) values.set(token.name, [value]);
      else if (grammar.options[token.name]?.multiple === true) seen.push(value);
      else throw usageError(`--${token.name} was given twice`);
    }
  }
  addDefaults(grammar.options, values, env);
  if (!values.has("help")) checkPositionals(grammar, positionals);
  return { ...accessors(grammar.options, values), positionals, rest };
}

function parserSpec(spec: OptionSpec): { type: "string" | "boolean"; short?: string } {
  return spec.short === undefined ? { type: spec.type } : { type: spec.type, short: spec.short };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkOption(grammar: Grammar, token: OptionToken, before: readonly string[]): string {
  const { options } = grammar;
  const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (spec === undefined) {
    // In `serve … npx -y server` it is no option of ours.
    if (grammar.passthrough !== undefined) checkSurplus(grammar, before);
    // One letter is near to everything.
    const guess = token.name.length === 1 ? undefined : nearest(token.name, Object.keys(options));
    throw usageError(
      `unknown option ${token.rawName}${guess === undefined ? "" : `; did you mean --${guess}?`}`,
    );
  }
  if (spec.type === "boolean") {
    if (token.value !== undefined) throw usageError(`${token.rawName} takes no value`);
    return "true";
  }
  const value = token.value;
  if (value === undefined || value === "")
    throw usageError(`${token.rawName} needs a value: ${spec.value ?? "VALUE"}`);
  // `--key --json` is a forgotten value, not a file of that name; `--key=--json` says it on purpose.
  if (token.inlineValue !== true && value.length > 1 && value.startsWith("-")) {
    throw usageError(
      `${token.rawName} needs a value before ${value} (write ${token.rawName}=${value} if you mean it)`,
    );
  }
  checkChoice(token.rawName, spec, value);
  return value;
}

function checkChoice(rawName: string, spec: OptionSpec, value: string): void {
  if (spec.choices === undefined || spec.choices.includes(value)) return;
  const guess = nearest(value, spec.choices);
  throw usageError(
    `${rawName} is one of ${spec.choices.join(", ")}${guess === undefined ? "" : `; did you mean ${guess}?`}`,
  );
}

function addDefaults(
  options: OptionSpecs,
  values: Map<string, string[]>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, spec] of Object.entries(options)) {
    const value = spec.env === undefined ? undefined : env[spec.env];
    if (value !== undefined && value !== "" && !values.has(name)) values.set(name, [value]);
  }
}

function checkPositionals(grammar: Grammar, given: readonly string[]): void {
  const missing = grammar.positionals.find((spec, at) => spec.optional !== true && given[at] === undefined);
  if (missing !== undefined) throw usageError(`${missing.name} is missing: ${missing.help}`);
  checkSurplus(grammar, given);
}

function checkSurplus({ positionals, passthrough, surplus }: Grammar, given: readonly string[]): void {
  const extra = given[positionals.length];
  if (extra === undefined) return;
  if (surplus !== undefined) throw usageError(surplus(extra));
  const hint = passthrough === undefined ? "" : `; put -- before the server's command: -- ${extra} …`;
  throw usageError(`unexpected argument "${extra}"${hint}`);
}

function accessors(
  options: OptionSpecs,
  values: ReadonlyMap<string, readonly string[]>,
): Pick<Args, "flag" | "text" | "texts"> {
  const texts = (name: string): readonly string[] => {
    if (!Object.hasOwn(options, name)) throw new Error(`the grammar has no option --${name}`);
    return values.get(name) ?? [];
  };
  return { texts, text: (name) => texts(name)[0], flag: (name) => texts(name).length > 0 };
}

/** A required option, or a usage error that says where else it can come from. */
export function required(args: Args, options: OptionSpecs, name: string): string {
  const value = args.text(name);
  if (value !== undefined) return value;
  const spec = options[name];
  const env = spec?.env === undefined ? "" : ` (or set ${spec.env})`;
  // What the help says after a semicolon is for those who know the option.
  const help = spec?.help.split(";")[0] ?? "";
  throw usageError(`--${name} ${spec?.value ?? "VALUE"} is needed: ${help}${env}`);
}

/** A whole number in a range. */
export function integer(text: string, name: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value;
  throw usageError(`--${name} is a number from ${min} to ${max}`);
}

/** The endpoint of a server: http or https, no credentials and no fragment. */
export function endpoint(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usageError(`"${text}" is not a URL; write for example http://127.0.0.1:8443/mcp`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw usageError("URL must begin with http:// or https://");
  if (url.username !== "" || url.password !== "") throw usageError("URL must not carry a name or a password");
  if (url.hash !== "") throw usageError("URL must not have a #fragment");
  return url;
}
