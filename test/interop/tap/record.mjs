// What a wiretap saw, as the exchanges of one client with its server. No I/O.

/**
 * @typedef {{ direction: "up" | "down", text: string, request?: number, resumed?: boolean }} Message `up`: from
 *   the client to the server; what has the same number came in one HTTP exchange
 * @typedef {{ method: string, params?: unknown, outcome?: unknown, progress: unknown[] }} Exchange
 * @typedef {{ method: string, params?: unknown }} Question from the server to the client
 * @typedef {{
 *   exchanges: Exchange[],
 *   questions: Record<string, Question[]>,
 *   heard: Record<string, unknown[]>,
 *   told: Record<string, unknown[]>,
 *   verbatim: (string | undefined)[],
 * }} Conversation
 */

/**
 * One connection. Results belong to their requests; what else the server says is ordered by method, because
 * between two methods a server on HTTP, with its several streams, promises no order.
 * @param {readonly Message[]} messages
 * @returns {Conversation}
 */
export function conversation(messages) {
  /** @type {Conversation} */
  const seen = { exchanges: [], questions: {}, heard: {}, told: {}, verbatim: [] };
  /** @type {Map<unknown, number>} */
  const open = new Map();
  /** @type {Map<unknown, unknown>} */
  const idOf = new Map();
  /** @type {Map<unknown, Exchange>} */
  const byToken = new Map();
  /** @type {Set<Exchange>} */
  const cancelled = new Set();

  /** @type {Set<string>} */
  const before = new Set();

  for (const { direction, text, request, resumed } of messages) {
    // A resumed stream repeats, and server-everything repeats more than it should; a pipe has no such thing.
    if (resumed && (before.has(text) || text === "{}")) continue;
    before.add(text);
    const parsed = parse(text);
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      const { id, method, params } = message;
      if (direction === "up" && method !== undefined && id !== undefined) {
        /** @type {Exchange} */
        const exchange = { method, ...(params !== undefined && { params }), progress: [] };
        open.set(id, seen.exchanges.push(exchange) - 1);
        if (request !== undefined) idOf.set(request, id);
        seen.verbatim.push(undefined);
        byToken.set(params?._meta?.progressToken, exchange);
      } else if (direction === "up" && method !== undefined) {
        const exchange = seen.exchanges[open.get(params?.requestId) ?? -1];
        if (method === "notifications/cancelled" && exchange) {
          cancelled.add(exchange);
          // How many came before the client had said so is a matter of time alone, as is whether one comes after.
          exchange.progress.splice(1);
        }
        (seen.told[method] ??= []).push(params);
      } else if (direction === "up") {
        // What the client answers shows in the results that the server makes of it.
      } else if (method !== undefined && id !== undefined) {
        (seen.questions[method] ??= []).push({ method, ...(params !== undefined && { params }) });
      } else if (method === "notifications/progress" && byToken.has(params?.progressToken)) {
        const exchange = byToken.get(params.progressToken);
        if (exchange && !cancelled.has(exchange)) exchange.progress.push(params);
      } else if (method !== undefined) {
        (seen.heard[method] ??= []).push(params);
      } else {
        // HTTP says which request an error is about even where the error itself could not (JSON-RPC 2.0 §5).
        const index = open.get(id ?? idOf.get(request)) ?? -1;
        const exchange = seen.exchanges[index];
        if (exchange === undefined) (seen.heard["answers to nothing"] ??= []).push(outcome(message));
        else if (exchange.outcome !== undefined) (seen.heard["second answers"] ??= []).push(outcome(message));
        else {
          exchange.outcome = outcome(message);
          seen.verbatim[index] = text;
        }
      }
    }
  }
  return seen;
}

/** @param {Record<string, unknown>} message */
function outcome(message) {
  const { result, error } = message;
  return error === undefined ? { result } : { error };
}

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return { method: "not JSON", params: text };
  }
}
