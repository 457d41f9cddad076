/** @param {string} _folder @param {any} _tls @returns {Promise<{ name: string, ok: boolean, found: string }[]>} */
export async function proxyChecks(_folder, _tls) {
  return [];
}
