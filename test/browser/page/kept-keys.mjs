/** Opens the database and gives the key pair in it; makes and keeps one on the first visit. */
export async function keptKeys(name, make) {
  const database = await promised(indexedDB.open(name, 1), (request) =>
    request.result.createObjectStore("keys"),
  );
  try {
    const found = await promised(database.transaction("keys").objectStore("keys").get("me"));
    if (found !== undefined) return { keys: found, made: false };
    const keys = await make();
    await promised(database.transaction("keys", "readwrite").objectStore("keys").add(keys, "me"));
    return { keys, made: true };
  } finally {
    database.close();
  }
}

function promised(request, upgrade) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error("IndexedDB refused", { cause: request.error }));
    if (upgrade) request.onupgradeneeded = () => upgrade(request);
  });
}
