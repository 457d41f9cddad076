import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { random } from "@trusted-mcp/primitives/bytes";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { AiccError } from "../error.ts";

const BLOCK_BYTES = 65_536;

/**
 * Writes all pieces beside `path` into a file that only its owner can read, and renames it when the last piece has
 * come without an error. Readers of `path` see the whole content or the old state, never a part.
 */
export async function writeWhole(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${Buffer.from(random(8)).toString("hex")}.part`);
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      for await (const block of blocksOf(pieces)) await handle.writeFile(block);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof TrustedMcpError) throw error;
    throw new AiccError("ERR_HELPER_FILE", "The file cannot be read or its result cannot be written", {
      action: "fix",
      cause: error,
    });
  }
}

/** Lines are short and writes are not free. */
async function* blocksOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    block.push(piece);
    length += piece.length;
    if (length < BLOCK_BYTES) continue;
    yield Buffer.concat(block);
    block = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(block);
}
