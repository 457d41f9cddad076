/** What an idle session costs the server: heap and buffers after garbage collection, before and after opening many. */

export async function measureMemory(servers, { sessions }) {
  const results = [];
  for (const { name, process, openIdle } of servers) {
    if (openIdle === undefined) continue;
    for (let i = 0; i < 20; i++) await openIdle(); // first uses load code
    const before = total(await process.memory());
    for (let i = 0; i < sessions; i++) await openIdle();
    const after = total(await process.memory());
    results.push({ name, sessions, bytes: (after - before) / sessions });
  }
  return results;
}

/** `external` already contains `arrayBuffers`. */
function total({ heapUsed, external }) {
  return heapUsed + external;
}
