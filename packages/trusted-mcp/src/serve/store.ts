import { open } from "node:fs/promises";
import type { SharedNodes } from "@trusted-mcp/channel";
import { ProgramError, usageError } from "../error.ts";
import { codeOf } from "../exit-code.ts";
import type { Log } from "../log.ts";
import { limited } from "./channel-log.ts";

const KEY_BYTES = 32;

export interface Store {
  readonly nodes: SharedNodes;
  close(): void;
}

export interface StoreOptions {
  readonly url: string;
  /** With these the host of `url` is the name by which they know the primary. */
  readonly sentinels: readonly string[];
  readonly keyFiles: readonly string[];
}

/**
 * What several nodes of this server share. The store must answer now: a wrong address is found at the start.
 *
 * @throws ProgramError ERR_USAGE, ERR_FILE; RedisStoreError.
 */
export async function openStore({ url, sentinels, keyFiles }: StoreOptions, log: Log): Promise<Store> {
  if (!/^rediss?:\/\//.test(url))
    throw usageError("--store is the address of a Redis, such as redis://10.0.0.5:6379");
  if (!sentinels.every((each) => /^rediss?:\/\//.test(each)))
    throw usageError("--sentinel is the address of a Redis Sentinel, such as redis://10.0.0.5:26379");
  if (keyFiles.length === 0)
    throw usageError("--store needs --store-key FILE, the same on every node: openssl rand 32 > store.key");
  const keys = await Promise.all(keyFiles.map(readKey));
  const { redisStore } = await import("@trusted-mcp/redis");
  const warn = limited(log);
  const store = redisStore({
    url,
    ...(sentinels.length > 0 && { sentinels }),
    onerror: (error) => warn("the store is not connected", { code: reasonOf(error) }),
  });
  try {
    await reached(() => store.check());
  } catch (error) {
    store.close();
    throw error;
  }
  return { nodes: { store, keys }, close: () => store.close() };
}

/** The system's code, or the word with which Redis begins what it refuses: `WRONGPASS`, `NOAUTH`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return codeOf(error) ?? /^[A-Z]{3,20}\b/.exec(error.message)?.[0] ?? error.name;
}

/** The first connection takes a moment. */
async function reached(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await check();
    } catch (error) {
      if (tries >= 20) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Read from the file that was checked, not from one that took its place. */
async function readKey(path: string): Promise<Uint8Array> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw fileError(`the store key ${JSON.stringify(path)} cannot be read`, cause);
  });
  try {
    const stat = await file.stat();
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    if (process.platform !== "win32" && (stat.mode & 0o077) !== 0)
      throw fileError(
        `the store key ${JSON.stringify(path)} can be read by others (mode ${mode}): chmod 600 it, and make a new one if they may have done so`,
      );
    if (!stat.isFile() || stat.size !== KEY_BYTES)
      throw fileError(
        `the store key ${JSON.stringify(path)} must be a file of exactly ${KEY_BYTES} random bytes: openssl rand 32 > store.key`,
      );
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

function fileError(message: string, cause?: unknown): ProgramError {
  return new ProgramError("ERR_FILE", message, { action: "fix", cause });
}
