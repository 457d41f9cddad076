/**
 * Enough of RFC 9112 to read a server's answers: fixed length, chunked, or no body. Throws on anything else. Bodies
 * are copied: what is pushed may be overwritten afterwards.
 */

const CRLF = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
const EMPTY = Buffer.alloc(0);

export class ResponseParser {
  #onResponse;
  #state = "head";
  #pending = EMPTY;
  #parts = [];
  #part = EMPTY;
  #filled = 0;
  #status = 0;
  #head = "";

  constructor(onResponse) {
    this.#onResponse = onResponse;
  }

  push(chunk) {
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = EMPTY;
    while (data.length > 0) {
      const used = this.#step(data);
      if (used === 0) {
        this.#pending = Buffer.from(data);
        return;
      }
      data = data.subarray(used);
    }
  }

  /** Returns the number of bytes consumed; 0 means that a line is not complete yet. */
  #step(data) {
    switch (this.#state) {
      case "head":
        return this.#readHead(data);
      case "fixed":
        return this.#readBytes(data, () => this.#finish());
      case "chunk":
        return this.#readBytes(data, () => (this.#state = "chunk-end"));
      case "chunk-end":
        return this.#readLine(data, () => (this.#state = "size"));
      case "size":
        return this.#readLine(data, (line) => this.#startChunk(line));
      case "trailers":
        return this.#readLine(data, (line) => line === "" && this.#finish());
      default:
        throw new Error(`unexpected state ${this.#state}`);
    }
  }

  #readHead(data) {
    const end = data.indexOf(HEAD_END);
    if (end < 0) return 0;
    this.#head = data.latin1Slice(0, end);
    this.#status = Number(this.#head.slice(9, 12));
    const length = /^content-length: *(\d+)/im.exec(this.#head);
    if (/^transfer-encoding: *chunked/im.test(this.#head)) this.#state = "size";
    else if (length !== null && length[1] !== "0") this.#expect(Number(length[1]), "fixed");
    else if (length !== null || this.#status === 204) this.#finish();
    else throw new Error(`an answer without a length: ${this.#head}`);
    return end + HEAD_END.length;
  }

  #expect(length, state) {
    this.#part = Buffer.allocUnsafe(length);
    this.#filled = 0;
    this.#state = state;
  }

  #readBytes(data, done) {
    const used = data.copy(this.#part, this.#filled);
    this.#filled += used;
    if (this.#filled === this.#part.length) {
      this.#parts.push(this.#part);
      done();
    }
    return used;
  }

  #readLine(data, done) {
    const end = data.indexOf(CRLF);
    if (end < 0) return 0;
    done(data.latin1Slice(0, end));
    return end + CRLF.length;
  }

  #startChunk(line) {
    const length = Number.parseInt(line, 16);
    if (Number.isNaN(length)) throw new Error(`bad chunk size: ${line}`);
    if (length === 0) this.#state = "trailers";
    else this.#expect(length, "chunk");
  }

  #finish() {
    const body = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    const response = { status: this.#status, head: this.#head, body };
    this.#state = "head";
    this.#parts = [];
    this.#onResponse(response);
  }
}
