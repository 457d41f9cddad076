import { Duplex } from "node:stream";
import { TrustedSdkError } from "../error.ts";

interface Waiting {
  readonly bytes: Buffer;
  readonly taken: () => void;
}

interface Reader {
  readonly resolve: (bytes: Buffer | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The connection under an inner request and its response. What the response writes waits here until it
 * is taken and sealed, and only then is the writer told that it may go on: back-pressure reaches the
 * application. The readable side stays open and empty; the request's body does not come this way.
 */
export class InnerSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  /** What frameworks take a request's scheme from: that of the address the client proved to mean. */
  readonly encrypted: boolean;
  #waiting: Waiting | null = null;
  #reader: Reader | null = null;
  #ended = false;
  #idle: NodeJS.Timeout | null = null;

  constructor(remoteAddress: string, encrypted: boolean) {
    super({ autoDestroy: false });
    this.remoteAddress = remoteAddress === "" ? undefined : remoteAddress;
    this.encrypted = encrypted;
    // A connection that breaks must not end the process, whoever forgot to listen.
    this.on("error", () => undefined);
  }

  /**
   * What was written next; null after the orderly end. One reader at a time.
   *
   * @throws TrustedSdkError ERR_CLOSED when the connection went away before the end.
   */
  nextWritten(): Promise<Buffer | null> {
    const waiting = this.#waiting;
    if (waiting !== null) {
      this.#waiting = null;
      waiting.taken();
      return Promise.resolve(waiting.bytes);
    }
    if (this.#ended) return Promise.resolve(null);
    if (this.destroyed) return Promise.reject(closedEarly(this.errored));
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
  }

  /** The response is whole: nothing more will be written. */
  finish(): void {
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = null;
  }

  override _read(): void {
    // Nothing ever comes.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#idle?.refresh();
    if (chunk.length === 0) return done();
    const reader = this.#reader;
    if (reader === null) {
      this.#waiting = { bytes: chunk, taken: done };
      return;
    }
    this.#reader = null;
    reader.resolve(chunk);
    done();
  }

  override _writev(chunks: readonly { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "utf8", done);
  }

  /** Ended by hand, under the response: what is not whole yet is cut. */
  override _final(done: () => void): void {
    done();
    if (!this.#ended) this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#waiting = null;
    this.#reader?.reject(closedEarly(error));
    this.#reader = null;
    done(error);
  }

  /** `timeout` is emitted after `ms` without a write, as a TCP socket does; 0 switches it off. */
  setTimeout(ms: number, listener?: () => void): this {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = ms > 0 && !this.destroyed ? setTimeout(() => this.emit("timeout"), ms).unref() : null;
    if (listener !== undefined) this.once("timeout", listener);
    return this;
  }

  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy()).end();
  }

  // What applications ask of a TCP socket that has no meaning here.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  address(): object {
    return {};
  }
}

function closedEarly(cause: Error | null): TrustedSdkError {
  const message = "The connection behind the channel was closed before the answer was whole";
  return new TrustedSdkError("ERR_CLOSED", message, { ...(cause && { cause }) });
}
