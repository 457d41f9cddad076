/** How much longer than planned an attack may take to come to its number. */
const OVERTIME_MS = 15_000;

/** Runs `act` `total` times, evenly over the time until `until`; a few at once. Returns how many were begun. */
export async function paced(total, until, act) {
  const started = performance.now();
  const span = until - started;
  let begun = 0;
  const running = new Set();
  while (begun < total && performance.now() < until + OVERTIME_MS) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / span) * total) + 1);
    while (begun < due && running.size < 200) {
      const one = act(begun).catch(() => undefined);
      running.add(one);
      void one.then(() => running.delete(one));
      begun += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.race([Promise.all(running), new Promise((resolve) => setTimeout(resolve, 1000))]);
  return begun;
}

/** All of 127.0.0.0/8 is this machine: an attacker with many addresses. */
export function address(index, count) {
  const at = index % count;
  return `127.0.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`;
}
