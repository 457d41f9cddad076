import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";

/** One HTTP message as it is on the wire. Its body may still be arriving when it is an answer. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, as Node gives raw headers. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: AsyncIterable<Buffer>;
}

export type Forward = (request: WireRequest, to?: URL) => Promise<WireAnswer>;

/** What the one in between does with a request: it may change, repeat, divert or answer it. */
export type Meddle = (request: WireRequest, forward: Forward) => Promise<WireAnswer>;

export const honest: Meddle = (request, forward) => forward(request);

/** One request and its answer, on both sides of the proxy. */
export interface Exchange {
  readonly request: WireRequest;
  /** What servers got: nothing, the same, or something else. */
  readonly forwarded: WireRequest[];
  /** Status and headers of all answers, from servers and to the client. */
  readonly heads: string[];
  /** What the client got. */
  readonly answer: Buffer[];
  /** What servers answered. */
  readonly answered: Buffer[];
}

/** Stands for whoever sits in between: forwards, records every byte of every message, and meddles when told to. */
export class RecordingProxy {
  readonly exchanges: Exchange[] = [];
  readonly #server: Server;
  #upstream: URL | undefined;
  #meddle: Meddle = honest;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#pass(request, response).catch(() => response.destroy());
    });
  }

  /** Takes a free port; the address is where clients believe the server to be. */
  async listen(): Promise<URL> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return this.url;
  }

  get url(): URL {
    const address = this.#server.address();
    return new URL(`http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}/mcp`);
  }

  set upstream(url: URL) {
    this.#upstream = url;
  }

  /** Meddles with what passes during `work`; gives its result, and what passed in that time. */
  async during<T>(
    meddle: Meddle,
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly passed: readonly Exchange[] }> {
    const before = this.exchanges.length;
    this.#meddle = meddle;
    try {
      const result = await work();
      return { result, passed: this.exchanges.slice(before) };
    } finally {
      this.#meddle = honest;
    }
  }

  /** Every byte of every message so far, on both sides. */
  recording(): Buffer {
    return Buffer.concat(this.exchanges.map(bytesOf));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request: WireRequest = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      headers: incoming.rawHeaders,
      body: await bodyOf(incoming),
    };
    const exchange: Exchange = { request, forwarded: [], heads: [], answer: [], answered: [] };
    this.exchanges.push(exchange);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const forward: Forward = async (changed, to = this.#upstream) => {
      if (to === undefined) throw new TypeError("there is no server to forward to yet");
      exchange.forwarded.push(changed);
      const answer = await send(changed, to, gone.signal);
      exchange.heads.push(headText(answer));
      return { ...answer, body: recorded(answer.body, exchange.answered) };
    };
    const answer = await this.#meddle(request, forward);
    exchange.heads.push(headText(answer));
    response.writeHead(answer.status, [...withoutHopByHop(answer.headers)]);
    response.flushHeaders();
    for await (const part of recorded(answer.body, exchange.answer)) response.write(part);
    response.end();
  }
}

/** Sends one request to a server and gives its answer while it arrives. */
export function send(request: WireRequest, to: URL, signal: AbortSignal): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(to, {
      method: request.method,
      path: request.path,
      headers: ["host", to.host, ...withoutHopByHop(request.headers)],
      signal,
    });
    outgoing.once("error", reject);
    outgoing.once("response", (answer) => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.rawHeaders, body: answer });
    });
    outgoing.end(request.body);
  });
}

/** Whether a request only says hello: the flights of a handshake hold no MCP message. */
export function isHandshake({ body }: WireRequest): boolean {
  return body.includes('"trusted-mcp/1/handshake"');
}

/** All that an observer has of one exchange. */
export function bytesOf(exchange: Exchange): Buffer {
  const requests = [exchange.request, ...exchange.forwarded].flatMap(({ method, path, headers, body }) => [
    Buffer.from(`${method} ${path}\n${headers.join("\n")}\n`),
    body,
  ]);
  return Buffer.concat([
    ...requests,
    ...exchange.heads.map((head) => Buffer.from(head)),
    ...exchange.answered,
    ...exchange.answer,
  ]);
}

async function* recorded(
  body: AsyncIterable<Buffer>,
  into: Buffer[],
): AsyncGenerator<Buffer, void, undefined> {
  for await (const part of body) {
    into.push(part);
    yield part;
  }
}

function headText({ status, headers }: WireAnswer): string {
  return `${status}\n${headers.join("\n")}\n`;
}

const HOP_BY_HOP = new Set(["host", "connection", "keep-alive", "transfer-encoding", "content-length"]);

function* withoutHopByHop(headers: readonly string[]): Generator<string, void, undefined> {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = headers.slice(at, at + 2);
    if (!HOP_BY_HOP.has(name.toLowerCase())) yield* [name, value];
  }
}

export async function bodyOf(message: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}
