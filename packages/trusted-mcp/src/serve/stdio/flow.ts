import type { SseStream } from "./sse-stream.ts";

export interface FlowOptions {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly stallMs: number;
}

/**
 * Back-pressure from several readers to the one server that feeds them: while any is behind, the server's
 * output waits. A reader that takes nothing for `stallMs` is cut off, or it would stop the others for good.
 */
export class Flow {
  readonly #options: FlowOptions;
  readonly #behind = new Map<SseStream, NodeJS.Timeout>();

  constructor(options: FlowOptions) {
    this.#options = options;
  }

  readonly onPressure = (stream: SseStream, behind: boolean): void => {
    if (behind) {
      if (this.#behind.size === 0) this.#options.pause();
      const timer = setTimeout(() => stream.stalled(), this.#options.stallMs).unref();
      this.#behind.set(stream, timer);
      return;
    }
    clearTimeout(this.#behind.get(stream));
    if (this.#behind.delete(stream) && this.#behind.size === 0) this.#options.resume();
  };
}
