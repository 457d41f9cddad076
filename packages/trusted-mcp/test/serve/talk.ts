import { fileURLToPath } from "node:url";
import type { ServeHandler } from "../../src/serve/handler.ts";
import type { ServeLimits } from "../../src/serve/limits.ts";
import { stdioHandler, type StdioHandler } from "../../src/serve/stdio/stdio-handler.ts";
import { authInfo, memoryLog } from "./front.ts";

export const FAKE_SERVER: string = fileURLToPath(new URL("./fake-server.mjs", import.meta.url));
export const FAKE_MODERN: string = fileURLToPath(new URL("./modern-server.mjs", import.meta.url));
/** Short times, so that tests of what happens after them are short as well. */
export const QUICK: Partial<ServeLimits> = { graceMs: 150 };

export type TestLog = ReturnType<typeof memoryLog>;

export function fake(
  mode = "plain",
  limits: Partial<ServeLimits> = {},
  log: TestLog = memoryLog(),
): StdioHandler {
  return stdioHandler({
    command: process.execPath,
    args: [FAKE_SERVER, mode],
    limits: { ...QUICK, ...limits },
    log,
  });
}

/** Parsed JSON, for expectations. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Say {
  readonly peer?: string;
  readonly session?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export function request(method: string, body: unknown, { session, headers, signal }: Say = {}): Request {
  return new Request("http://handler/mcp", {
    method,
    headers: {
      accept: "application/json, text/event-stream",
      ...(method === "POST" ? { "content-type": "application/json" } : {}),
      ...(session === undefined ? {} : { "mcp-session-id": session }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export function post(handler: ServeHandler, body: unknown, say: Say = {}): Promise<Response> {
  return handler.fetch(
    request("POST", body, say),
    say.peer === undefined ? {} : { authInfo: authInfo(say.peer) },
  );
}

export function send(
  handler: ServeHandler,
  method: "GET" | "DELETE" | "PUT",
  say: Say = {},
): Promise<Response> {
  return handler.fetch(
    request(method, undefined, say),
    say.peer === undefined ? {} : { authInfo: authInfo(say.peer) },
  );
}

export function call(
  id: string | number,
  method: string,
  params: Record<string, unknown> = {},
): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method, params };
}

export const INITIALIZE = call("init", "initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

/** Opens a session and gives its id. */
export async function open(handler: ServeHandler, say: Say = {}): Promise<string> {
  const response = await post(handler, INITIALIZE, say);
  const session = response.headers.get("mcp-session-id");
  if (response.status !== 200 || session === null)
    throw new Error(`no session: ${response.status} ${await response.text()}`);
  await response.text();
  await post(handler, { jsonrpc: "2.0", method: "notifications/initialized" }, { ...say, session });
  return session;
}

export const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** A 2026-07-28 request with its headers. */
export function modern(
  handler: ServeHandler,
  id: string | number,
  method: string,
  params: Record<string, unknown> = {},
  say: Say & { readonly meta?: Record<string, unknown> } = {},
): Promise<Response> {
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...say.headers };
  return post(handler, call(id, method, { ...params, _meta: { ...ENVELOPE, ...say.meta } }), {
    ...say,
    headers,
  });
}

export interface Events extends AsyncIterableIterator<Json> {
  take(): Promise<Json>;
  rest(): Promise<Json[]>;
  cancel(): Promise<void>;
}

/** The JSON-RPC messages of an event stream, one by one. */
export function events(response: Response): Events {
  const type = response.headers.get("content-type");
  if (type !== "text/event-stream") throw new Error(`not an event stream: ${response.status} ${type}`);
  const reader = response.body!.getReader();
  const iterator = parseEvents(reader);
  return Object.assign(iterator, {
    take: async () => {
      const { value, done } = await iterator.next();
      if (done === true) throw new Error("the stream has ended");
      return value;
    },
    rest: async () => {
      const all: Json[] = [];
      for await (const event of iterator) all.push(event);
      return all;
    },
    cancel: () => reader.cancel(),
  });
}

async function* parseEvents(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Json> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const data = text
        .slice(0, end)
        .split("\n")
        .filter((line) => line.startsWith("data: "));
      text = text.slice(end + 2);
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join("\n"));
    }
  }
}

/** Whether a process exists; a zombie that nobody has waited for does not count. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
