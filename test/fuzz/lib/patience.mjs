/** Lets everything that is scheduled run, so many times. */
export async function turns(count) {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What `promise` gives; when it takes too long `hurry` is called, once, and then it has to end by itself. */
export async function orHurry(promise, hurry, patience = 40) {
  let settled = false;
  const done = promise.finally(() => (settled = true));
  done.catch(() => undefined);
  for (let turn = 0; turn < patience && !settled; turn++) await turns(1);
  if (!settled) hurry();
  return await done;
}
