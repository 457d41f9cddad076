const HEAD = Buffer.from("event: message\ndata: ");
const TAIL = Buffer.from("\n\n");
const KEEP_ALIVE = Buffer.from(": keepalive\n\n");
const HIGH_WATER = 256 * 1024;

export interface SseOptions {
  readonly keepAliveMs: number;
  /** Called when the reader goes away; not when the stream is closed from here. */
  readonly onGone: () => void;
  /** The reader is behind (true), or has caught up (false). */
  readonly onPressure: (stream: SseStream, behind: boolean) => void;
}

/** A Server-Sent Events body (WHATWG HTML §9.2) that carries one JSON-RPC message per event. */
export class SseStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: SseOptions;
  readonly #timer: NodeJS.Timeout;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #behind = false;

  constructor(options: SseOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#setBehind(false),
        cancel: () => {
          if (this.#end() !== undefined) options.onGone();
        },
      },
      { highWaterMark: HIGH_WATER, size: (chunk) => chunk.byteLength },
    );
    this.#timer = setInterval(() => this.#write(KEEP_ALIVE), options.keepAliveMs).unref();
  }

  get open(): boolean {
    return this.#controller !== undefined;
  }

  send(message: Uint8Array): void {
    this.#write(Buffer.concat([HEAD, withoutReturns(message), TAIL]));
  }

  close(): void {
    this.#end()?.close();
  }

  /** The connection below was lost. */
  gone(): void {
    const controller = this.#end();
    if (controller === undefined) return;
    controller.close();
    this.#options.onGone();
  }

  /** The reader takes nothing: ends the stream so that it cannot be taken for complete. */
  stalled(): void {
    const controller = this.#end();
    if (controller === undefined) return;
    controller.error(new Error("the reader of this stream took nothing for too long"));
    this.#options.onGone();
  }

  #write(bytes: Uint8Array): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    controller.enqueue(bytes);
    if ((controller.desiredSize ?? 0) <= 0) this.#setBehind(true);
  }

  #setBehind(behind: boolean): void {
    if (this.#behind === behind || this.#controller === undefined) return;
    this.#behind = behind;
    this.#options.onPressure(this, behind);
  }

  #end(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller;
    clearInterval(this.#timer);
    this.#setBehind(false);
    this.#controller = undefined;
    return controller;
  }
}

/** A CR, legal between JSON tokens, would end the line of an event stream. */
function withoutReturns(message: Uint8Array): Uint8Array {
  return message.includes(0x0d) ? message.map((byte) => (byte === 0x0d ? 0x20 : byte)) : message;
}
