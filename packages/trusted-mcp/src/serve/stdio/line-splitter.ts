const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Cuts a byte stream into lines of bounded length, and holds no more than one line of it. */
export class LineSplitter {
  #held: Buffer[] = [];
  #heldBytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `line` for each complete line, without its line break; false when one is over the bound. */
  push(chunk: Buffer, line: (bytes: Buffer) => void): boolean {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      start = end + 1;
      if (this.#heldBytes + rest.length > this.#maxBytes) return false;
      const whole =
        this.#heldBytes === 0 ? rest : Buffer.concat([...this.#held, rest], this.#heldBytes + rest.length);
      this.#held = [];
      this.#heldBytes = 0;
      line(whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole);
    }
    if (start < chunk.length) {
      this.#held.push(chunk.subarray(start));
      this.#heldBytes += chunk.length - start;
    }
    return this.#heldBytes <= this.#maxBytes;
  }
}
