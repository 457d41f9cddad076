import { usageError } from "../error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `NAME` hands a variable of ours on to the server; `NAME=VALUE` sets one. */
export function namedVariables(specs: readonly string[], from: Environment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const spec of specs) {
    const [, name, given] = /^(?!__proto__\b)([A-Za-z_][A-Za-z0-9_]*)(?:=([^]*))?$/.exec(spec) ?? [];
    if (name === undefined) throw usageError("--env is NAME or NAME=VALUE");
    const value = given ?? from[name];
    if (value === undefined) throw usageError(`--env ${name}: there is no such variable in the environment`);
    env[name] = value;
  }
  return env;
}

/** `Name: value` for the upstream; `${VAR}` in the value comes from the environment, where `ps` cannot see it. */
export function namedHeaders(specs: readonly string[], from: Environment): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const spec of specs) {
    const [, name, text] = /^(?!__proto__:)([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^]*)$/i.exec(spec) ?? [];
    if (name === undefined || text === undefined) throw usageError("--upstream-header is 'Name: value'");
    const value = expanded(text, from, `--upstream-header ${name}`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw usageError(`--upstream-header ${name}: the value cannot be sent as a header`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** `${VAR}` comes from the environment, where `ps` cannot see it. */
export function expanded(text: string, from: Environment, what: string): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_all, variable: string) => {
    const found = from[variable];
    if (found === undefined) throw usageError(`${what}: \${${variable}} is not set`);
    return found;
  });
}
