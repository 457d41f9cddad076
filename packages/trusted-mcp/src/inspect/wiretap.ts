/** One HTTP body, or the lines of a pipe, as an observer on the wire has them. */
export interface Captured {
  readonly contentType: string;
  readonly bytes: Buffer;
}

export interface CapturedExchange {
  readonly sent: Captured;
  readonly received: Captured;
}

interface Part {
  readonly direction: "sent" | "received";
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Keeps what passes on the wire between `start` and `stop`; copies, because buffers are reused. */
export class Wiretap {
  #parts: Part[] = [];
  #on = false;

  readonly onWire = (direction: "sent" | "received", contentType: string, body: Uint8Array): void => {
    if (this.#on) this.#parts.push({ direction, contentType, bytes: Buffer.from(body) });
  };

  start(): void {
    this.#parts = [];
    this.#on = true;
  }

  stop(): CapturedExchange {
    this.#on = false;
    return { sent: this.#collect("sent"), received: this.#collect("received") };
  }

  #collect(direction: Part["direction"]): Captured {
    const parts = this.#parts.filter((part) => part.direction === direction);
    return {
      contentType: parts[0]?.contentType ?? "",
      bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
    };
  }
}
