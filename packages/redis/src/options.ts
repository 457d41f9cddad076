export type Argument = string | Buffer;

/** What the store asks of a client of `@redis/client` that the program has made and connected itself. */
export interface RedisCommands {
  sendCommand(args: Argument[], options: { typeMapping: { 36: typeof Buffer } }): Promise<unknown>;
}

export interface RedisStoreOptions {
  /** `redis://[[user]:password@]host[:port][/db]`, or `rediss://` for TLS. This or `client`. */
  readonly url?: string;
  /**
   * Addresses of Redis Sentinels, `redis://[[user]:password@]host:26379`. The host of `url` is then the name by which
   * they know the primary, such as `redis://:password@mymaster`; where that is, they are asked for each connection.
   */
  readonly sentinels?: readonly string[];
  /** Path of a Unix socket, instead of a URL. */
  readonly socketPath?: string;
  /**
   * A connected client of your own, made with `disableOfflineQueue: true`: what could not be sent must fail at
   * once, not later. Not a cluster, nor a pool that reads from replicas or sends a command again.
   */
  readonly client?: RedisCommands;
  /** What the names of all keys begin with. Default `trusted-mcp`. */
  readonly prefix?: string;
  /** How long a command may take, in ms. Default 1000. */
  readonly timeoutMs?: number;
  /** Hears of connection errors; the store goes on trying. Default: nobody. */
  readonly onerror?: ((error: unknown) => void) | undefined;
}
