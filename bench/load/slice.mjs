/**
 * The load on one server, slice by slice. Making requests and opening answers costs the load process more than a
 * fast server needs for a call, and both share the machine: so requests are made before a slice and answers are
 * opened after it. In between the load only writes and reads. Every connection calls, waits, calls again until the
 * time is over; calls in flight then are waited for and counted, and the clock stops at the last answer, so the
 * server is busy from the first byte to the last.
 */
import { Lane } from "./lane.mjs";

/** Requests made ahead, for each that the busiest connection sent in a slice so far. */
const MARGIN = 1.5;
/** Of requests made ahead, on all connections. */
const READY_BYTES = 64 << 20;
/** Of answers that wait for the end of a slice. Above it they are opened as they come. */
const KEPT_BYTES = 64 << 20;

export function createLoad(callers, context) {
  const lanes = callers.map((caller) => new Lane(caller, context));
  let mostPerSecond = 0;

  async function measure(seconds) {
    const tally = new Tally();
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const deadline = started + seconds * 1000;
    const counts = await Promise.all(lanes.map((lane) => lane.run(deadline, tally)));
    const elapsed = performance.now() - started;
    const cpu = process.cpuUsage(cpuBefore);
    mostPerSecond = Math.max(mostPerSecond, ...counts.map((count) => count / seconds));
    const { latencies, late } = tally;
    return { calls: latencies.length, elapsed, latencies, late, clientCpu: cpu.user + cpu.system };
  }

  return {
    prepare(seconds) {
      const count = Math.ceil(mostPerSecond * seconds * MARGIN);
      for (const lane of lanes) lane.prepare(count, READY_BYTES / lanes.length);
    },
    measure,
    check() {
      for (const lane of lanes) lane.check();
    },
  };
}

/** What the connections of one slice count together. */
class Tally {
  latencies = [];
  /** Requests that had to be made inside the slice. */
  late = 0;
  #kept = 0;

  /** Whether an answer of this size may wait. */
  keeps(bytes) {
    if (this.#kept + bytes > KEPT_BYTES) return false;
    this.#kept += bytes;
    return true;
  }
}
