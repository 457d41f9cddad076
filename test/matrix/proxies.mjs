/** @param {string} folder @param {any} tls @returns {Promise<{ name: string, ok: boolean, found: string }[]>} */
export async function proxyChecks(folder, tls) {
  return [];
}
