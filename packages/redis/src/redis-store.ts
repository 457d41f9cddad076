import { createClient } from "@redis/client";
import type { Admission, StateStore, StoredSession } from "@trusted-mcp/channel";
import { RedisStoreError } from "./error.ts";
import { bytesOf, countOf, pairOf } from "./reply.ts";
import { scriptOf, type Operation, type Script } from "./script.ts";

type Argument = string | Buffer;

/** What the store asks of a client of `@redis/client` that the program has made and connected itself. */
export interface RedisCommands {
  sendCommand(args: Argument[], options: { typeMapping: { 36: typeof Buffer } }): Promise<unknown>;
}

export interface RedisStoreOptions {
  /** `redis://[[user]:password@]host[:port][/db]`, or `rediss://` for TLS. This or `client`. */
  readonly url?: string;
  /** Path of a Unix socket, instead of a URL. */
  readonly socketPath?: string;
  /**
   * A connected client of your own, made with `disableOfflineQueue: true`: what could not be sent must fail at
   * once, not later. Not a cluster, nor a pool that reads from replicas.
   */
  readonly client?: RedisCommands;
  /** What the names of all keys begin with. Default `trusted-mcp`. */
  readonly prefix?: string;
  /** How long a command may take, in ms. Default 1000. */
  readonly timeoutMs?: number;
  /** Hears of connection errors; the store goes on trying. Default: nobody. */
  readonly onerror?: (error: unknown) => void;
}

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
  const { client, close, failure } = connection(options, timeoutMs);

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

interface Connection {
  readonly client: RedisCommands;
  readonly close: () => void;
  /** Why there is no connection at present, as far as that is known: more than that a command was not sent. */
  readonly failure: () => unknown;
}

function connection(options: RedisStoreOptions, timeoutMs: number): Connection {
  const { url, socketPath } = options;
  if ([url, socketPath, options.client].filter((each) => each !== undefined).length !== 1)
    throw new RedisStoreError("ERR_REDIS_REFUSED", "Give one of url, socketPath and client", {
      action: "fix",
    });
  if (options.client !== undefined)
    return { client: options.client, close: () => undefined, failure: () => undefined };
  if (url !== undefined && !/^rediss?:\/\//.test(url))
    throw new RedisStoreError("ERR_REDIS_REFUSED", "The address of Redis begins with redis:// or rediss://", {
      action: "fix",
    });
  const common = {
    connectTimeout: 2 * timeoutMs,
    // A Redis that is gone without a word: the ping shows it, and the connection is made anew.
    socketTimeout: 3 * timeoutMs,
    reconnectStrategy: (tries: number) => Math.min(20 * 2 ** Math.min(tries, 5), 500),
  };
  const client = createClient({
    ...(url !== undefined && { url }),
    socket: socketPath === undefined ? common : { ...common, path: socketPath, tls: false },
    // What could not be sent fails now. Nothing is ever sent twice, or later (docs/design/0010).
    disableOfflineQueue: true,
    commandsQueueMaxLength: 20_000,
    maintNotifications: "disabled",
    pingInterval: timeoutMs,
  });
  let failure: unknown;
  client.on("error", (error: unknown) => {
    failure = error;
    options.onerror?.(error);
  });
  client.on("ready", () => {
    failure = undefined;
  });
  client.connect().catch((error: unknown) => options.onerror?.(error));
  return {
    client,
    close: () => {
      if (client.isOpen) client.destroy();
    },
    failure: () => failure,
  };
}

/** The store's own bound: a command under way cannot be called back, so its late answer is dropped. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
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
