/**
 * One slice: every connection calls, waits, calls again until the time is over; calls in flight then are waited
 * for and counted, and the clock stops at the last answer, so the server is busy from the first byte to the last.
 */
import { callMessage, checkAnswer, expectedText } from "../workloads.mjs";

/** Every answer is checked for its status; one in this many for its id and text as well. */
const FULL_CHECK_EVERY = 61;

export function createLoad(callers, { era, workload }) {
  const message = callMessage(era, workload);
  const expected = expectedText(workload);
  let nextId = 100_000_000;

  async function loop(caller, deadline, latencies) {
    do {
      const id = nextId++;
      const started = performance.now();
      const body = await caller.call(message(id), workload);
      latencies.push(performance.now() - started);
      if (body.length < expected.length) throw new Error(`short answer: ${body.toString("utf8", 0, 200)}`);
      if (id % FULL_CHECK_EVERY === 0) checkAnswer(body, id, expected);
    } while (performance.now() < deadline);
  }

  return async function slice(seconds) {
    const latencies = [];
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const deadline = started + seconds * 1000;
    await Promise.all(callers.map((caller) => loop(caller, deadline, latencies)));
    const elapsed = performance.now() - started;
    const cpu = process.cpuUsage(cpuBefore);
    return { calls: latencies.length, elapsed, latencies, clientCpu: cpu.user + cpu.system };
  };
}
