import { createClient } from "@redis/client";
import { clientSettings, type Connection } from "./connection.ts";
import { RedisStoreError } from "./error.ts";
import type { RedisStoreOptions } from "./options.ts";
import { sentinelConnection } from "./sentinel.ts";

/** @throws RedisStoreError ERR_REDIS_REFUSED for options that cannot be. */
export function connectionTo(options: RedisStoreOptions, timeoutMs: number): Connection {
  const { url, socketPath, client, sentinels } = options;
  if ([url, socketPath, client].filter((each) => each !== undefined).length !== 1)
    throw refused("Give one of url, socketPath and client");
  if (client !== undefined) return { client, close: () => undefined, failure: () => undefined };
  for (const each of [...(url === undefined ? [] : [url]), ...(sentinels ?? [])])
    if (!/^rediss?:\/\//.test(each)) throw refused("The address of Redis begins with redis:// or rediss://");
  if (sentinels === undefined) return directConnection(options, timeoutMs);
  if (url === undefined || sentinels.length === 0)
    throw refused("With sentinels goes a url whose host is the name that they know the primary by");
  return sentinelConnection({ url, sentinels, timeoutMs, onerror: options.onerror });
}

function directConnection({ url, socketPath, onerror }: RedisStoreOptions, timeoutMs: number): Connection {
  const common = {
    connectTimeout: 2 * timeoutMs,
    // A Redis that is gone without a word: the ping shows it, and the connection is made anew.
    socketTimeout: 3 * timeoutMs,
    reconnectStrategy: (tries: number) => Math.min(20 * 2 ** Math.min(tries, 5), 500),
  };
  const client = createClient({
    ...(url !== undefined && { url }),
    socket: socketPath === undefined ? common : { ...common, path: socketPath, tls: false },
    ...clientSettings(timeoutMs),
  });
  let failure: unknown;
  client.on("error", (error: unknown) => {
    failure = error;
    onerror?.(error);
  });
  client.on("ready", () => {
    failure = undefined;
  });
  client.connect().catch((error: unknown) => onerror?.(error));
  return {
    client,
    close: () => {
      if (client.isOpen) client.destroy();
    },
    failure: () => failure,
  };
}

function refused(message: string): RedisStoreError {
  return new RedisStoreError("ERR_REDIS_REFUSED", message, { action: "fix" });
}
