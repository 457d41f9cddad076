// The vocabulary of the scenarios: a step is one thing that a client does. No I/O.

/**
 * @typedef {{
 *   method: string,
 *   params?: Record<string, unknown> | ((done: Map<string, any>) => Record<string, unknown>),
 *   fails?: true,           the server refuses it, and must refuse it alike
 *   progress?: true,        the client asks for progress
 *   cancel?: true,          the client cancels it after the first progress
 *   as?: string,            later steps may use its result under this name
 *   only?: "v1",            clients that have what it takes
 * }} Request
 * @typedef {Request | { together: Request[] } | { untilAsked: string }} Step
 */

/** @param {string} method @param {Record<string, unknown>} [params] @returns {Request} */
export function ask(method, params) {
  return { method, ...(params && { params }) };
}

/** @param {string} name @param {Record<string, unknown>} [args] @returns {Request} */
export function call(name, args = {}) {
  return { method: "tools/call", params: { name, arguments: args } };
}

/** Awkward for parsers, line protocols, event streams and encodings. */
export const AWKWARD =
  'quote " backslash \\ newline \n return \r tab \t nul \u0000 line separator \u2028 é 漢字 🦆 data: x </script>';
