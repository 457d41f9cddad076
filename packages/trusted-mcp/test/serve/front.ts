import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AuthInfo } from "@modelcontextprotocol/server";
import type { Log } from "../../src/log.ts";
import type { ServeHandler } from "../../src/serve/handler.ts";

export interface Front {
  readonly url: URL;
  close(): Promise<void>;
}

/** A plain HTTP server in front of a handler; the header `x-test-peer` stands for what the channel would prove. */
export async function front(handler: ServeHandler): Promise<Front> {
  const server = createServer((req, res) => {
    void answer(handler, req, res);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    close: async () => {
      await handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function answer(handler: ServeHandler, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const gone = new AbortController();
  res.on("close", () => gone.abort());
  const hasBody = req.method !== "GET" && req.method !== "HEAD";
  const request = new Request(`http://front${req.url ?? "/"}`, {
    method: req.method ?? "GET",
    headers: Object.entries(req.headers).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value]] : [],
    ) as [string, string][],
    signal: gone.signal,
    ...(hasBody ? { body: Readable.toWeb(req) as ReadableStream, duplex: "half" } : {}),
  } as RequestInit);
  const peer = req.headers["x-test-peer"];
  const response = await handler.fetch(request, typeof peer === "string" ? { authInfo: authInfo(peer) } : {});
  res.writeHead(response.status, Object.fromEntries(response.headers));
  res.flushHeaders();
  if (response.body === null) return void res.end();
  try {
    await pipeline(Readable.fromWeb(response.body as never), res);
  } catch {
    res.destroy();
  }
}

export function authInfo(name: string, keyId = `key-of-${name}`): AuthInfo {
  return { token: "", clientId: name, scopes: [], extra: { trustedMcp: { peer: { name, keyId } } } };
}

export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A log that tests can read. */
export function memoryLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const write =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      entries.push({ level, message, fields });
    };
  return { entries, debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** Waits until something becomes true, and fails loudly when it does not. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  ms = 20_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`did not happen within ${ms} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
