import { JSON_TYPE, SSE_TYPE } from "../answer.ts";
import type { Flow } from "./flow.ts";
import { SseStream } from "./sse-stream.ts";

export interface ExchangeOptions {
  /** Requests in the POST: one, or several in a batch. */
  readonly expected: number;
  readonly batch: boolean;
  /** Whether the client takes an event stream. */
  readonly canStream: boolean;
  readonly keepAliveMs: number;
  readonly flow: Flow;
  /** The client has gone away before all was answered. */
  readonly onGone: () => void;
}

const SSE_HEADERS = {
  "content-type": SSE_TYPE,
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** The answer to one POST: plain JSON when nothing comes before it, and an event stream otherwise. */
export class Exchange {
  readonly response: Promise<Response>;
  /** Sent with the answer; can be set until then. */
  readonly headers: Record<string, string> = {};
  readonly #options: ExchangeOptions;
  readonly #answers: Uint8Array[] = [];
  readonly #timer: NodeJS.Timeout;
  #resolve: (response: Response) => void = () => undefined;
  #stream: SseStream | undefined;
  #left: number;
  #done = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#left = options.expected;
    this.response = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // A proxy in between may cut a connection on which nothing moves.
    this.#timer = setTimeout(() => this.#upgrade(), options.keepAliveMs).unref();
  }

  /** False once it is answered, or nobody is there to read. */
  get open(): boolean {
    return !this.#done;
  }

  /** Sends a message that comes before the answer; false when this client can only take the answer. */
  push(message: Uint8Array): boolean {
    const stream = this.#upgrade();
    stream?.send(message);
    return stream !== undefined;
  }

  answer(message: Uint8Array, status = 200): void {
    if (this.#done) return;
    this.#left--;
    if (this.#stream !== undefined) this.#stream.send(message);
    else this.#answers.push(message);
    if (this.#left <= 0) this.#finish(status);
  }

  /** No answer will come for one request: it was cancelled. */
  skip(): void {
    if (this.#done) return;
    this.#left--;
    if (this.#left > 0) return;
    if (this.#answers.length === 0) this.#upgrade();
    this.#finish(200);
  }

  /** The client went away before an answer began. */
  gone(): void {
    if (this.#done) return;
    this.#end();
    this.#stream?.close();
    this.#resolve(new Response(null, { status: 499 }));
    this.#options.onGone();
  }

  #finish(status: number): void {
    this.#end();
    if (this.#stream !== undefined) return this.#stream.close();
    const [first] = this.#answers;
    const body = this.#options.batch ? arrayOf(this.#answers) : first;
    // Without any answer there is nothing to send, which 202 says.
    if (body === undefined) return this.#resolve(new Response(null, { status: 202, headers: this.headers }));
    this.#resolve(
      new Response(new Uint8Array(body), { status, headers: { "content-type": JSON_TYPE, ...this.headers } }),
    );
  }

  #upgrade(): SseStream | undefined {
    if (this.#stream !== undefined || this.#done || !this.#options.canStream) return this.#stream;
    clearTimeout(this.#timer);
    const { flow, keepAliveMs } = this.#options;
    const stream = new SseStream({ keepAliveMs, onPressure: flow.onPressure, onGone: () => this.gone() });
    this.#stream = stream;
    for (const message of this.#answers.splice(0)) stream.send(message);
    this.#resolve(new Response(stream.body, { headers: { ...SSE_HEADERS, ...this.headers } }));
    return stream;
  }

  #end(): void {
    this.#done = true;
    clearTimeout(this.#timer);
  }
}

function arrayOf(messages: readonly Uint8Array[]): Uint8Array {
  const parts = messages.flatMap((message, index) => [Buffer.from(index === 0 ? "[" : ","), message]);
  return Buffer.concat([...parts, Buffer.from("]")]);
}
