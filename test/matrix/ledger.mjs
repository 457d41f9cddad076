/** What really happened in the servers of this process: features ask here, not the client. */
export class Ledger {
  /** @type {Map<string, { promise: Promise<void>, resolve: () => void }>} */
  #events = new Map();
  /** @type {Map<string, number>} */
  #resumed = new Map();

  /** @param {string} name */
  #event(name) {
    let event = this.#events.get(name);
    if (event === undefined) {
      let resolve = () => {};
      const promise = new Promise((done) => (resolve = () => done(undefined)));
      event = { promise: /** @type {Promise<void>} */ (promise), resolve };
      this.#events.set(name, event);
    }
    return event;
  }

  /** @param {string} name */
  happened(name) {
    this.#event(name).resolve();
  }

  /** Resolves when it happened, before or later. @param {string} name */
  until(name) {
    return this.#event(name).promise;
  }

  /** @param {string} session an MCP session whose stream was asked for with Last-Event-ID */
  resumedBy(session) {
    this.#resumed.set(session, this.resumptions(session) + 1);
  }

  /** @param {string} session */
  resumptions(session) {
    return this.#resumed.get(session) ?? 0;
  }
}

export const ledger = new Ledger();

/**
 * Notes what a request of the legacy era asks for.
 * @param {string} method @param {string | null | undefined} session @param {string | null | undefined} lastEvent
 */
export function note(method, session, lastEvent) {
  if (method !== "GET" || !session) return;
  if (lastEvent) ledger.resumedBy(session);
  // The SDK opens the stream in this turn or the next ones.
  else setTimeout(() => ledger.happened(`stream ${session}`), 10);
}
