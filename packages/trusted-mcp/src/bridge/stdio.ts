import type { Readable, Writable } from "node:stream";
import { ProgramError } from "../error.ts";
import type { Log } from "../log.ts";
import { asKnown, statusError, transportError } from "./answer.ts";
import { discard, readText } from "./body.ts";
import { Courier } from "./courier.ts";
import { type Exchange, Exchanges } from "./exchange.ts";
import { errorAnswer, oneLine, sort, type Sorted } from "./json-rpc.ts";
import { lineWriter } from "./line-writer.ts";
import { lines } from "./lines.ts";
import { type Fetch, isInitialize, Upstream } from "./upstream.ts";
import { within } from "./wait.ts";

export interface StdioBridgeOptions {
  readonly url: URL;
  readonly fetch: Fetch;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly log: Log;
  /** Aborted: stop now, answering what is open with an error. */
  readonly signal: AbortSignal;
  /** How long requests in flight may take after the host closed its end. */
  readonly drainMs?: number;
  readonly maxLineBytes?: number;
}

export interface BridgeOutcome {
  /** Whether the server ever answered. */
  readonly answered: boolean;
  /** The last failure of the transport. */
  readonly failure: unknown;
}

const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_IN_FLIGHT = 1024;
const DRAIN_MS = 10_000;
const NOTIFICATION_MS = 5000;
const TERMINATE_MS = 1500;

/** Makes a Streamable HTTP server appear on a pipe, in both protocol eras, until the pipe ends. */
export async function bridgeStdio(options: StdioBridgeOptions): Promise<BridgeOutcome> {
  return new StdioBridge(options).run();
}

class StdioBridge {
  readonly #options: StdioBridgeOptions;
  readonly #log: Log;
  readonly #upstream: Upstream;
  readonly #courier: Courier;
  readonly #exchanges = new Exchanges();
  readonly #write: (text: string) => Promise<void>;
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  /** Messages leave in the order of the pipe: what the server must take in first holds the gate. */
  #gate: Promise<void> = Promise.resolve();
  #listening = new AbortController();
  #answered = false;
  #failure: unknown;

  constructor(options: StdioBridgeOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#upstream = new Upstream(options.url, options.fetch);
    this.#courier = new Courier(this.#upstream, options.log, () => this.#listen());
    this.#write = lineWriter(options.stdout);
  }

  async run(): Promise<BridgeOutcome> {
    const { stdin, stdout, signal } = this.#options;
    const stop = (): void => {
      this.#stop.abort();
      stdin.destroy();
    };
    signal.addEventListener("abort", stop, { once: true });
    // A host that has gone cannot read answers: nothing is left to do.
    stdout.on("error", stop);
    try {
      if (signal.aborted) stop();
      await this.#read();
      if (!this.#stop.signal.aborted) {
        const settled = this.#gate.then(() => this.#exchanges.settled());
        await within(this.#options.drainMs ?? DRAIN_MS, settled, this.#stop.signal);
      }
      await this.#shutDown();
    } finally {
      signal.removeEventListener("abort", stop);
      stdout.off("error", stop);
    }
    return { answered: this.#answered, failure: this.#failure };
  }

  async #read(): Promise<void> {
    const { stdin, maxLineBytes = MAX_LINE_BYTES } = this.#options;
    try {
      for await (const line of lines(stdin, maxLineBytes)) {
        if (line === undefined) await this.#write(errorAnswer(null, tooLong(maxLineBytes)));
        else if (line.trim() !== "") this.#accept(line);
        if (this.#work.size > MAX_IN_FLIGHT) await Promise.race(this.#work);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#log.warn("standard input failed", { code: asKnown(error).code });
    }
  }

  #accept(text: string): void {
    const sorted = sort(text);
    if (sorted === undefined) {
      this.#track(this.#write(errorAnswer(null, NOT_JSON_RPC)));
    } else if (sorted.requests.length > 0) {
      const exchange = this.#exchanges.begin(text, sorted);
      this.#queue(() => this.#start(exchange));
    } else if (sorted.notifications.length > 0) {
      if (!this.#cancel(sorted)) this.#queue(() => this.#notify(text, sorted));
    } else {
      // Answers to the server pass the gate: it may need one before it takes in what is waiting there.
      this.#track(this.#post(text, sorted));
    }
  }

  #queue(step: () => Promise<void> | undefined): void {
    this.#gate = this.#gate.then(step);
    this.#track(this.#gate);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  /**
   * In the modern era closing the request's stream is the cancellation (revision 2026-07-28, Streamable HTTP);
   * in the legacy era the notification itself goes out, and an answer may still come. True when done here.
   */
  #cancel(sorted: Sorted): boolean {
    const [notification] = sorted.notifications;
    if (sorted.batch || notification?.method !== "notifications/cancelled") return false;
    const exchange = this.#exchanges.find(notification.params["requestId"]);
    if (exchange === undefined || exchange.sorted.batch) return false;
    exchange.cancelled = true;
    exchange.markAnswered();
    if (exchange.modern) exchange.abort.abort();
    return exchange.modern;
  }

  /** Holds the gate for `initialize` only: until its answer the session of what follows is unknown. */
  #start(exchange: Exchange): Promise<void> | undefined {
    const opening = isInitialize(exchange.sorted);
    if (opening) this.#listening.abort();
    this.#track(this.#exchange(exchange));
    return opening ? exchange.answered : undefined;
  }

  async #exchange(exchange: Exchange): Promise<void> {
    const signal = AbortSignal.any([exchange.abort.signal, this.#stop.signal]);
    try {
      signal.throwIfAborted();
      const response = await this.#courier.send(exchange, signal);
      this.#answered = true;
      if (!response.ok) return await this.#refuse(exchange, response, signal);
      for await (const text of this.#upstream.messages(response, signal, () => exchange.open.size === 0)) {
        await this.#deliver(text, exchange);
      }
      if (exchange.open.size > 0) throw streamEnded();
    } catch (error) {
      await this.#fail(exchange, error);
    } finally {
      this.#exchanges.end(exchange);
    }
  }

  /** Passes one message of the server to the host as it came, and notes what it answers. */
  async #deliver(text: string, exchange?: Exchange): Promise<void> {
    const sorted = sort(text);
    if (sorted === undefined) return this.#log.warn("dropped something from the server that is not JSON-RPC");
    const [response] = sorted.responses;
    const [only, ...others] = exchange?.open.keys() ?? [];
    if (response?.id === null && only !== undefined && others.length === 0) {
      // An error that could not name the request it is about; on this stream there is only one.
      return this.#deliver(errorAnswer(only, statusError(200, text)), exchange);
    }
    const settled = sorted.responses.map(({ id, result }) => ({
      settled: this.#exchanges.settle(id),
      result,
    }));
    if (settled.length > 0 && settled.every((one) => one.settled === undefined)) {
      return this.#log.debug("dropped an answer to a request that is not open");
    }
    for (const one of settled) {
      if (one.settled !== undefined)
        this.#courier.learn(one.settled.exchange, one.settled.request, one.result);
    }
    await this.#write(text);
    for (const one of settled) if (one.settled?.exchange.open.size === 0) one.settled.exchange.markAnswered();
  }

  /** A status is not a message: whatever the server said, each request gets an answer with its id. */
  async #refuse(exchange: Exchange, response: Response, signal: AbortSignal): Promise<void> {
    const body = await readText(response, signal);
    const addressed = sort(body)?.responses.some(({ id }) => id !== null && exchange.open.has(id)) === true;
    if (addressed) await this.#deliver(oneLine(body), exchange);
    for (const id of exchange.open.keys())
      await this.#write(errorAnswer(id, statusError(response.status, body)));
  }

  async #fail(exchange: Exchange, error: unknown): Promise<void> {
    const stopping = this.#stop.signal.aborted;
    if (!stopping && !exchange.cancelled) {
      this.#failure = error;
      this.#log.error(asKnown(error).message, { code: asKnown(error).code });
    }
    if (exchange.cancelled) return;
    const answer = transportError(stopping ? stopped() : error);
    for (const id of exchange.open.keys()) await this.#write(errorAnswer(id, answer));
  }

  /** Later messages wait until the server has taken this one in, though not for ever. */
  async #notify(text: string, sorted: Sorted): Promise<void> {
    const done = this.#post(text, sorted);
    this.#track(done);
    await within(NOTIFICATION_MS, done, this.#stop.signal);
  }

  async #post(text: string, sorted: Sorted): Promise<void> {
    try {
      const response = await this.#upstream.post(text, sorted, this.#stop.signal);
      discard(response);
      const ready = sorted.notifications.some(({ method }) => method === "notifications/initialized");
      if (ready && response.ok) this.#listen();
      if (!response.ok) this.#log.warn("the server refused a notification", { status: response.status });
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#log.warn(asKnown(error).message, { code: asKnown(error).code });
    }
  }

  /** The legacy GET stream, for what the server says without being asked. */
  #listen(): void {
    this.#listening.abort();
    this.#listening = new AbortController();
    const signal = AbortSignal.any([this.#listening.signal, this.#stop.signal]);
    const onFailure = (error: unknown): void => {
      this.#log.debug("the stream for messages of the server broke; opening it again", {
        code: asKnown(error).code,
      });
    };
    const receive = async (): Promise<void> => {
      for await (const text of this.#upstream.listen(signal, onFailure)) await this.#deliver(text);
    };
    this.#track(receive());
  }

  async #shutDown(): Promise<void> {
    this.#listening.abort();
    this.#stop.abort();
    await within(TERMINATE_MS, Promise.allSettled(this.#work));
    await this.#upstream.terminate(TERMINATE_MS);
  }
}

const NOT_JSON_RPC = { code: -32700, message: "trusted-mcp: the line is not a JSON-RPC message" };

function tooLong(max: number): { code: number; message: string } {
  return { code: -32600, message: `trusted-mcp: a message has more than ${max} bytes and was skipped` };
}

function streamEnded(): ProgramError {
  return new ProgramError(
    "ERR_STREAM_ENDED",
    "the answer ended before it was complete: the call may or may not have run",
  );
}

function stopped(): ProgramError {
  return new ProgramError("ERR_ENDED", "trusted-mcp is stopping: the call may or may not have run");
}
