import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Names, times and contents of all files in a folder: equal only if nothing at all was written in between. */
export async function snapshot(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const facts = names.map(async (name) => {
    const path = join(folder, name);
    const { mtimeMs, size } = await stat(path);
    return [name, mtimeMs, size, await readFile(path, "base64")];
  });
  return JSON.stringify(await Promise.all(facts));
}

/** The text of a file, or undefined when there is none. */
export async function textIn(folder: string, name: string): Promise<string | undefined> {
  return readFile(join(folder, name), "utf8").catch(() => undefined);
}
