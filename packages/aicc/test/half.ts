/** What the tests of both halves share: keys made once, a sealed request by hand, a server that does as told. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { utf8 } from "@trusted-mcp/primitives/bytes";
import { aiccServer, type AiccServerOptions } from "../src/server/aicc-server.ts";
import { ServerKeys } from "../src/server/server-keys.ts";
import { encodeRequest, parseAnswer } from "../src/wire/envelope.ts";
import { ExchangeKey } from "../src/wire/exchange.ts";
import { wrapKey } from "../src/wire/rsa.ts";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Small, because nothing here is measured. */
export function rsaKeys(bits = 2048): KeyPair {
  return generateKeyPairSync("rsa", { modulusLength: bits });
}

export interface Sealed {
  readonly text: string;
  readonly exchange: ExchangeKey;
  readonly bytes: Uint8Array;
}

export function sealRequest(publicKey: KeyObject, body: string): Sealed {
  const { exchange, bytes } = ExchangeKey.fresh();
  const key = wrapKey(publicKey, bytes);
  return { text: encodeRequest({ ...exchange.seal(utf8(body)), key }), exchange, bytes };
}

export function openText(exchange: ExchangeKey, text: string): string {
  return Buffer.from(exchange.open(parseAnswer(text))).toString("utf8");
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A raw request; GET with a body too. */
export function send(
  url: string,
  body: string | null,
  headers: Record<string, string> = {},
  method = "POST",
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sized = body !== null && headers["transfer-encoding"] === undefined;
    const length: Record<string, string> = sized ? { "content-length": String(Buffer.byteLength(body)) } : {};
    const all = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...length,
      ...headers,
    };
    const request = httpRequest(url, { method, headers: all, agent: false }, (message) => {
      const parts: Buffer[] = [];
      message.on("data", (part: Buffer) => parts.push(part));
      message.once("end", () =>
        resolve({
          status: message.statusCode ?? 0,
          headers: message.headers,
          body: Buffer.concat(parts).toString("utf8"),
        }),
      );
      message.once("error", reject);
    });
    request.once("error", reject);
    request.end(body ?? undefined);
  });
}

export const SEALED = { "x-trusted-mcp": "1" };

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Served> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface TestServer extends Served {
  readonly keys: ServerKeys;
  /** Codes of what was refused, in order. */
  readonly codes: string[];
  /** Bodies that reached the handler. */
  readonly reached: string[];
}

export type Respond = (body: string, request: Request) => Response | Promise<Response>;

/** Our server around a handler that answers as told, by default with its request. */
export async function testServer(
  pair: KeyPair,
  options: Partial<AiccServerOptions> = {},
  respond: Respond = (body) => Response.json({ jsonrpc: "2.0", id: 1, result: { echo: body } }),
): Promise<TestServer> {
  const keys = options.keys ?? new ServerKeys();
  await keys.install(pair.privateKey);
  const codes: string[] = [];
  const reached: string[] = [];
  const handler = {
    fetch: async (request: Request): Promise<Response> => {
      const body = await request.text();
      reached.push(body);
      return await respond(body, request);
    },
  };
  const aicc = aiccServer(handler, {
    onwarning: () => undefined,
    ...options,
    keys,
    onerror: (error) => codes.push(codeOf(error)),
  });
  const served = await listen((request, response) => void aicc.node(request, response));
  return { ...served, keys, codes, reached };
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** The code that a promise is refused with, its cause's included: web streams and fetch wrap errors. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return codeOf(error);
  }
  return "nothing was refused";
}
