/**
 * One caller of a variant, with the requests that it made ahead of a slice and the answers that it has not opened
 * yet. A caller is
 *   prepare(message, workload) → { bytes, open(response) → answer body }; bytes are a whole HTTP request
 *   send(bytes) → the HTTP response
 *   close()
 */
import { callMessage, checkAnswer, expectedText } from "../workloads.mjs";

/** Of the answers that are opened at once, one in this many is checked in full. */
const FULL_CHECK_EVERY = 61;

let lastId = 100_000_000;

export class Lane {
  #caller;
  #workload;
  #message;
  #expected;
  /** Oldest first: a session's records are sent in the order in which they were sealed. */
  #ready = [];
  #next = 0;
  #answers = [];

  constructor(caller, { era, workload }) {
    this.#caller = caller;
    this.#workload = workload;
    this.#message = callMessage(era, workload);
    this.#expected = expectedText(workload);
  }

  /** Makes requests until `count` are ready, or fewer that take `maxBytes`. */
  prepare(count, maxBytes) {
    this.#ready = this.#ready.slice(this.#next);
    this.#next = 0;
    let size = this.#ready.reduce((sum, { bytes }) => sum + bytes.length, 0);
    while (this.#ready.length < count && size < maxBytes) {
      const request = this.#make();
      this.#ready.push(request);
      size += request.bytes.length;
    }
  }

  /** Calls, waits, calls again until the time is over; returns how often. */
  async run(deadline, tally) {
    let calls = 0;
    do {
      const { id, bytes, open } = this.#take(tally);
      const started = performance.now();
      const response = await this.#caller.send(bytes);
      tally.latencies.push(performance.now() - started);
      if (response.status !== 200)
        throw new Error(`status ${response.status}: ${response.body.toString("utf8", 0, 200)}`);
      if (tally.keeps(response.body.length)) this.#answers.push({ id, open, response });
      else this.#openNow(id, open(response));
      calls += 1;
    } while (performance.now() < deadline);
    return calls;
  }

  /** Opens and checks, in full, every answer that was kept. */
  check() {
    for (const { id, open, response } of this.#answers) checkAnswer(open(response), id, this.#expected);
    this.#answers = [];
  }

  #make() {
    const id = ++lastId;
    return { id, ...this.#caller.prepare(this.#message(id), this.#workload) };
  }

  #take(tally) {
    const request = this.#ready[this.#next];
    if (request === undefined) {
      tally.late += 1;
      return this.#make();
    }
    this.#ready[this.#next++] = undefined;
    return request;
  }

  #openNow(id, body) {
    if (body.length < this.#expected.length)
      throw new Error(`short answer: ${body.toString("utf8", 0, 200)}`);
    if (id % FULL_CHECK_EVERY === 0) checkAnswer(body, id, this.#expected);
  }
}
