import * as http from "node:http";

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** The server's answer on its way back: parts as the network delivered them. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly parts: AsyncIterable<Uint8Array>;
  /** The body whole. */
  bytes(): Promise<Uint8Array>;
}

/** What an attack gives the client instead. Parts of `body` leave one by one. */
export interface Reply {
  readonly status?: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** One request as it was captured, with all that the server itself said to it. */
export interface Recorded {
  readonly request: WireRequest;
  readonly answers: {
    readonly status: number;
    readonly headers: http.IncomingHttpHeaders;
    body: Uint8Array;
  }[];
}

export type Attack = (passage: Passage) => Promise<void> | void;

/** These fields describe one connection (RFC 9110 §7.6.1); a proxy writes its own. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "host"]);

/** One request on its way through the proxy, and everything that can be done to it. */
export class Passage {
  readonly request: WireRequest;
  readonly recorded: Recorded;
  readonly #response: http.ServerResponse;
  readonly #target: () => string;
  readonly #agent: http.Agent;

  private constructor(
    request: WireRequest,
    response: http.ServerResponse,
    target: () => string,
    agent: http.Agent,
  ) {
    this.request = request;
    this.recorded = { request, answers: [] };
    this.#response = response;
    this.#target = target;
    this.#agent = agent;
  }

  static async of(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    target: () => string,
    agent: http.Agent,
  ): Promise<Passage> {
    const parts: Buffer[] = [];
    // A client that leaves while it sends is of no interest: what came is all there is.
    await (async () => {
      for await (const part of request) parts.push(part as Buffer);
    })().catch(() => undefined);
    const { method = "GET", url: path = "/", headers } = request;
    return new Passage({ method, path, headers, body: Buffer.concat(parts) }, response, target, agent);
  }

  /** Unchanged in both directions. */
  async pass(): Promise<void> {
    await this.deliver(await this.forward());
  }

  /** Sends the request to the server, or elsewhere, as it came or changed; as often as one likes. */
  forward(changes: Partial<WireRequest> & { readonly to?: string } = {}): Promise<WireAnswer> {
    const { method, path, headers, body } = { ...this.request, ...changes };
    const target = new URL(changes.to ?? this.#target());
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          hostname: target.hostname,
          port: target.port,
          method,
          path,
          agent: this.#agent,
          headers: passable(headers),
        },
        (message) => resolve(this.#answer(message)),
      );
      request.once("error", reject);
      // A client that goes away is seen to go away behind the proxy too.
      this.#response.once("close", () => {
        if (!this.#response.writableFinished) request.destroy();
      });
      request.setHeader("content-length", body.length);
      request.end(body);
    });
  }

  #answer(message: http.IncomingMessage): WireAnswer {
    const entry = { status: message.statusCode ?? 0, headers: message.headers, body: new Uint8Array(0) };
    this.recorded.answers.push(entry);
    const parts = (async function* () {
      for await (const part of message) {
        entry.body = Buffer.concat([entry.body, part as Buffer]);
        yield part as Uint8Array;
      }
    })();
    const { status, headers } = entry;
    return {
      status,
      headers,
      parts,
      bytes: async () => {
        for await (const part of parts) void part;
        return entry.body;
      },
    };
  }

  /** Gives the client an answer of the server as it is. */
  async deliver(answer: WireAnswer): Promise<void> {
    await this.reply({ status: answer.status, headers: passable(answer.headers), body: answer.parts });
  }

  /** Gives the client any answer at all. */
  async reply({ status = 200, headers = {}, body = "" }: Reply): Promise<void> {
    if (typeof body === "string" || body instanceof Uint8Array) {
      this.#response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
      return;
    }
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
    for await (const part of body) {
      if (this.#response.destroyed) return;
      await this.#write(part);
      // An endless body must leave the loop time to see that its reader has gone.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#response.end();
  }

  /** Ends the client's connection in the middle of whatever it was. */
  cut(): void {
    this.#response.destroy();
  }

  #write(part: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off("close", done);
        resolve();
      };
      this.#response.once("close", done);
      this.#response.write(part, done);
    });
  }
}

function passable(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
