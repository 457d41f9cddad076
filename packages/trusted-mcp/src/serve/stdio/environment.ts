/** First what the MCP SDK's stdio client hands on, in its order: a server sees the same behind either. */
const POSIX = [
  "HOME",
  "LOGNAME",
  "PATH",
  "SHELL",
  "TERM",
  "USER",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TMPDIR",
] as const;
const WINDOWS = [
  ...[
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
  ],
  ...[
    "PROGRAMDATA",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
  ],
] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a child inherits: never this program's whole environment, which may hold passphrases and tokens.
 * `extra` is what the operator named on purpose.
 */
export function childEnvironment(
  extra: Readonly<Record<string, string>> = {},
  from: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of platform === "win32" ? WINDOWS : POSIX) {
    const value = from[name];
    // A value that starts with "()" is an exported shell function: code, not data.
    if (value !== undefined && !value.startsWith("()")) env[name] = value;
  }
  return { ...env, ...extra };
}
