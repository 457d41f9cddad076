export const CLIENTS = /** @type {const} */ (["v1", "v2 legacy", "v2 modern"]);
export const SERVERS = /** @type {const} */ (["v1", "v2"]);
export const FRAMEWORK_NAMES = /** @type {const} */ (["Node HTTP", "Express", "Fastify", "Hono"]);
export const ANSWERS = /** @type {const} */ (["json", "sse"]);
export const FRONTS = /** @type {const} */ (["plain", "nginx"]);
/** `none` is the control. `binary`: the channel around the application. `JSON`: inside, behind its parsers. */
export const CHANNELS = /** @type {const} */ (["none", "binary", "JSON"]);
export const FEATURES = /** @type {const} */ ([
  "call",
  "progress",
  "cancellation",
  "1 MB",
  "asks client",
  "subscription",
  "resumption",
  "end of session",
]);

/**
 * @typedef {{
 *   server: typeof SERVERS[number], framework: typeof FRAMEWORK_NAMES[number],
 *   answers: typeof ANSWERS[number], channel: typeof CHANNELS[number],
 * }} Place one application that listens
 * @typedef {Place & { client: typeof CLIENTS[number], front: typeof FRONTS[number] }} Cell
 */

/** @returns {Place[]} */
export function places() {
  return SERVERS.flatMap((server) =>
    FRAMEWORK_NAMES.flatMap((framework) =>
      ANSWERS.flatMap((answers) => CHANNELS.map((channel) => ({ server, framework, answers, channel }))),
    ),
  );
}

/** @param {Place} place @returns {Cell[]} */
export function cellsOf(place) {
  return CLIENTS.flatMap((client) => FRONTS.map((front) => ({ ...place, client, front })));
}

/** @param {Cell} cell */
export const nameOf = ({ client, server, framework, answers, front, channel }) =>
  `client ${client}, server ${server}, ${framework}, ${answers}, ${front} front, ${channel === "none" ? "no channel" : `${channel} frames`}`;

/**
 * What the SDKs themselves cannot do, with the channel or without: the control has to fail there, and
 * nowhere else. Null: it works.
 * @param {Cell} cell @param {string} feature
 */
export function impossible({ client, server, answers }, feature) {
  const modern = client === "v2 modern";
  if (modern && server === "v1") return "SDK v1 ends at 2025-11-25";
  if (modern && feature === "resumption") return "2026-07-28 has no resumption";
  if (modern && feature === "end of session") return "2026-07-28 has no sessions";
  if (answers === "json" && feature === "progress") return "one JSON answer has no place for it";
  if (answers === "json" && feature === "resumption") return "one JSON answer has no event ids";
  return null;
}
