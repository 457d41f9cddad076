import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** @type {Set<string>} */
const folders = new Set();

// Also after a signal: one of them holds private keys.
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * A folder that only we can read, for as long as `use` runs.
 * @template T
 * @param {(folder: string) => Promise<T>} use
 */
export async function withTempFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "trusted-mcp-conformance-"));
  folders.add(folder);
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
}
