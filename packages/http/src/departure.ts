/**
 * Whether the client has gone away before its answer was whole. An `AbortSignal` is made only when
 * somebody asks for one: making and aborting one per request is a good part of a small call's cost.
 */
export class Departure {
  #gone = false;
  #controller: AbortController | null = null;
  #listeners: Set<() => void> | null = null;
  #finished = false;
  #atEnd: (() => void) | null = null;
  /** Set by a front that can end its connection. */
  onCut: (() => void) | null = null;

  get gone(): boolean {
    return this.#gone;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#gone) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Calls `listener` when the client goes, at once if it has; returns what takes the listener off. */
  listen(listener: () => void): () => void {
    if (this.#gone) {
      listener();
      return () => undefined;
    }
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => this.#listeners?.delete(listener);
  }

  /** True once the answer was sent, or can no longer be. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Calls `listener` when the answer was sent or given up; there is one listener. */
  whenFinished(listener: () => void): void {
    this.#atEnd = listener;
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#atEnd?.();
  }

  /** Ends the answer from this side: to its handler as if the client had gone, to its client as a cut. */
  cut(): void {
    this.announce();
    this.onCut?.();
  }

  announce(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#controller?.abort();
    for (const listener of this.#listeners ?? []) listener();
    this.#listeners = null;
  }

  /** Follows a web request's own signal. */
  static of(signal: AbortSignal): Departure {
    const departure = new Departure();
    if (signal.aborted) departure.announce();
    else signal.addEventListener("abort", () => departure.announce(), { once: true });
    return departure;
  }
}
