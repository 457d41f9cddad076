import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { usageError } from "../error.ts";

/** A third party's server: the demo takes it as it is installed, and needs no network for it. */
const NAME = "@modelcontextprotocol/server-filesystem";

export interface Filesystem {
  readonly name: string;
  readonly version: string;
  readonly file: string;
}

/** Looks beside this program, then in the project of the current folder. */
export function findFilesystem(
  from: readonly string[] = [import.meta.url, join(process.cwd(), "x.js")],
): Filesystem {
  for (const start of from) {
    const found = resolve(start);
    if (found !== undefined) return found;
  }
  throw usageError(
    `the demo puts the real ${NAME} behind the channel, and it is not installed here: npm install ${NAME}`,
  );
}

function resolve(start: string): Filesystem | undefined {
  const require = createRequire(start);
  try {
    const path = require.resolve(`${NAME}/package.json`);
    const manifest: unknown = require(path);
    const file = text(field(manifest, "bin"), "mcp-server-filesystem");
    return file === ""
      ? undefined
      : { name: NAME, version: text(manifest, "version"), file: join(dirname(path), file) };
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function text(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === "string" ? found : "";
}
