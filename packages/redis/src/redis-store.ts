import type { Admission, StateStore, StoredSession } from "@trusted-mcp/channel";
import { connectionTo } from "./connect.ts";
import { RedisStoreError } from "./error.ts";
import type { Argument, RedisStoreOptions } from "./options.ts";
import { bytesOf, countOf, pairOf } from "./reply.ts";
import { scriptOf, type Operation, type Script } from "./script.ts";
import { within } from "./within.ts";

export interface RedisStore extends StateStore {
  /**
   * Asks whether Redis is there and what is needed of it.
   *
   * @throws RedisStoreError ERR_REDIS_UNAVAILABLE, ERR_REDIS_REFUSED.
   */
  check(): Promise<void>;
  /** Ends the connection, unless the program brought its own. */
  close(): void;
}

const BUFFERS = { typeMapping: { 36: Buffer } };

/**
 * A store in one Redis primary (7.0 or newer), for `nodes: { store, keys }` of a trusted server.
 *
 * @throws RedisStoreError ERR_REDIS_REFUSED for options that cannot be.
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const prefix = options.prefix ?? "trusted-mcp";
  const timeoutMs = options.timeoutMs ?? 1000;
  const { client, close, failure } = connectionTo(options, timeoutMs);

  const scripts = new Map<Operation, Script>();
  const known = (operation: Operation): Script => {
    const script = scripts.get(operation) ?? scriptOf(operation);
    scripts.set(operation, script);
    return script;
  };

  const run = async (
    operation: Operation,
    name: string,
    ...args: (Argument | number)[]
  ): Promise<unknown> => {
    const script = known(operation);
    const rest = [prefix, name, ...args.map((arg) => (typeof arg === "number" ? String(arg) : arg))];
    try {
      return await within(timeoutMs, client.sendCommand(["EVALSHA", script.sha, "0", ...rest], BUFFERS));
    } catch (error) {
      // A process that does not know the script has not run it.
      if (!startsWith(error, "NOSCRIPT")) throw unavailable(failure() ?? error);
    }
    try {
      return await within(timeoutMs, client.sendCommand(["EVAL", script.text, "0", ...rest], BUFFERS));
    } catch (error) {
      throw unavailable(failure() ?? error);
    }
  };

  return {
    check: async () => void bytesOf(await run("probe", "")),
    close,
    put: async (key, value, ttlMs) => {
      await run("put", key, Buffer.from(value), whole(ttlMs));
    },
    get: async (key) => bytesOf(await run("get", key)) ?? undefined,
    take: async (key) => bytesOf(await run("take", key)) ?? undefined,
    openSession: async (key, value, { idleMs, lifeMs, group, groupLimit }) => {
      const limits = [whole(idleMs), whole(lifeMs), group, groupLimit];
      await run("open", key, Buffer.from(value), ...limits);
    },
    session: async (key): Promise<StoredSession | undefined> => {
      const reply = await run("session", key);
      if (reply === null) return undefined;
      const [version, rest] = pairOf(reply);
      const value = bytesOf(rest);
      return value === null ? undefined : { version, value };
    },
    replaceSession: async (key, version, value) =>
      countOf(await run("replace", key, version, Buffer.from(value))) === 1,
    admit: async (key, sequence): Promise<Admission> => {
      const [verdict, version] = pairOf(await run("admit", key, sequence));
      if (verdict === 0) return { verdict: "gone" };
      return { verdict: verdict === 1 ? "fresh" : "seen", version: countOf(version) };
    },
    endSession: async (key) => {
      await run("end", key);
    },
    endGroup: async (group) => countOf(await run("endGroup", group)),
  };
}

function startsWith(error: unknown, word: string): boolean {
  return error instanceof Error && error.message.startsWith(word);
}

function unavailable(cause: unknown): RedisStoreError {
  // What Redis says about its own state holds no secret; anything else may quote an address or a password.
  const said =
    cause instanceof Error &&
    /^(TRUSTEDMCP|NOPERM|NOAUTH|OOM|READONLY|LOADING|WRONGPASS|ERR)\b/.test(cause.message);
  if (!said)
    return new RedisStoreError("ERR_REDIS_UNAVAILABLE", "Redis does not answer", { action: "retry", cause });
  const reason = cause.message.slice(0, 200);
  return new RedisStoreError("ERR_REDIS_REFUSED", `Redis refuses: ${reason}`, { action: "fix", cause });
}

/** PEXPIRE takes whole ms, one at least. */
function whole(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
