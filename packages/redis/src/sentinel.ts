import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { clientSettings, type Connection } from "./connection.ts";
import { within } from "./within.ts";

export interface SentinelOptions {
  /** The primary's, with the name that the Sentinels know it by in place of a host. */
  readonly url: string;
  readonly sentinels: readonly string[];
  readonly timeoutMs: number;
  readonly onerror: ((error: unknown) => void) | undefined;
}

type Client = ReturnType<typeof open>;

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * A connection to whatever the Sentinels call the primary. They are asked anew whenever it ended, and nothing waits in
 * between. A Sentinel that is wrong does no harm: each script asks the process it runs in whether it is a primary, and
 * which one. (The Sentinel client of `@redis/client` sends a command again after a break, and lets commands wait.)
 */
export function sentinelConnection(options: SentinelOptions): Connection {
  const { timeoutMs, onerror } = options;
  const over = new AbortController();
  let current: Client | null = null;
  let pause = FIRST_PAUSE_MS;
  let failure: unknown = new Error("no Sentinel has answered yet");
  let lose: (why: unknown) => void = () => undefined;
  over.signal.addEventListener("abort", () => lose(over.signal.reason), { once: true });

  /** Connects, and resolves with why that connection is no more. */
  const once = async (): Promise<unknown> => {
    const url = await primaryUrl(options);
    over.signal.throwIfAborted();
    const client = open(url, timeoutMs);
    try {
      const lost = new Promise<unknown>((resolve) => (lose = resolve));
      client.on("error", lose);
      client.on("end", () => lose(new Error("the connection to the primary ended")));
      await within(2 * timeoutMs, client.connect());
      current = client;
      failure = undefined;
      pause = FIRST_PAUSE_MS;
      return await lost;
    } finally {
      current = null;
      if (client.isOpen) client.destroy();
    }
  };
  const follow = async (): Promise<void> => {
    while (!over.signal.aborted) {
      failure = await once().catch((error: unknown) => error);
      if (over.signal.aborted) return;
      onerror?.(failure);
      await sleep(pause, undefined, { signal: over.signal }).catch(() => undefined);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  };
  void follow();

  return {
    client: {
      sendCommand: async (args, given) => {
        const client = current;
        if (client === null) throw new Error("no primary is connected");
        try {
          return await client.sendCommand(args, given);
        } catch (error) {
          // Sentinel cuts the connections of whom it demotes; somebody's hand does not.
          if (client === current && notPrimary(error)) lose(error);
          throw error;
        }
      },
    },
    close: () => over.abort(),
    failure: () => failure,
  };
}

function notPrimary(error: unknown): boolean {
  return error instanceof Error && /^(READONLY|TRUSTEDMCP not a primary)/.test(error.message);
}

/** Asks one Sentinel after the other, none for long. */
async function primaryUrl({ url, sentinels, timeoutMs }: SentinelOptions): Promise<string> {
  const { hostname: name } = new URL(url);
  let failure: unknown;
  for (const sentinel of sentinels) {
    const client = open(sentinel, timeoutMs);
    client.on("error", (error: unknown) => {
      failure = error;
    });
    try {
      await within(timeoutMs, client.connect());
      const reply = await within(
        timeoutMs,
        client.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", decodeURIComponent(name)]),
      );
      return withAddress(url, reply);
    } catch (error) {
      failure = error;
    } finally {
      if (client.isOpen) client.destroy();
    }
  }
  throw failure;
}

/** The URL with the address that a Sentinel gave; null is its answer to a name that it does not know. */
function withAddress(url: string, reply: unknown): string {
  if (!Array.isArray(reply)) throw new Error("ERR the Sentinel knows no primary of this name");
  const list: readonly unknown[] = reply;
  const [host, port] = list;
  if (typeof host !== "string" || !/^[A-Za-z0-9.:_-]{1,255}$/.test(host) || !/^\d{1,5}$/.test(String(port)))
    throw new Error("ERR the Sentinel gave no address");
  const found = new URL(url);
  found.hostname = host.includes(":") ? `[${host}]` : host;
  found.port = String(port);
  return found.href;
}

/** A connection that is not made again when it ends. */
function open(url: string, timeoutMs: number) {
  return createClient({
    url,
    socket: { connectTimeout: 2 * timeoutMs, socketTimeout: 3 * timeoutMs, reconnectStrategy: false },
    ...clientSettings(timeoutMs),
  });
}
