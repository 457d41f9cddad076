const MAX_MESSAGES = 256;
const MAX_BYTES = 1024 * 1024;

/** What a server says while its client listens nowhere: kept in small measure, the oldest dropped first. */
export class Backlog {
  #lines: Uint8Array[] = [];
  #bytes = 0;

  /** Keeps a copy and says how many were dropped for it. */
  add(line: Uint8Array): number {
    this.#lines.push(Uint8Array.from(line));
    this.#bytes += line.length;
    let dropped = 0;
    while (this.#lines.length > MAX_MESSAGES || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#lines.shift()?.length ?? 0;
      dropped++;
    }
    return dropped;
  }

  take(): readonly Uint8Array[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}
