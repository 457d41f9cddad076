/**
 * A variant is a module with
 *   startServer(context)      → { url, close, …facts }, in the server process; facts travel as JSON
 *   client(facts, context)    → { open() → a caller }, in the load process; see load/lane.mjs
 *   sdkClients(facts, context) → { suffix: async () → { transport, close? } }, ways to connect the SDK's own client
 *                               (left out: not in that part)
 *   openIdle(facts, context)  → leaves one idle session on the server (left out: not in the memory part)
 * `context` is { era, directory }: `directory` holds this run's throw-away keys.
 */
const LOADERS = {
  plain: () => import("./plain.mjs"),
  "plain-again": () => import("./plain-again.mjs"),
  tls: () => import("./tls.mjs"),
  mtls: () => import("./mtls.mjs"),
  aicc: () => import("./aicc.mjs"),
  floor: () => import("./floor.mjs"),
  wrapped: () => import("./wrapped.mjs"),
  "wrapped-web": () => import("./wrapped-web.mjs"),
  native: () => import("./native.mjs"),
  v1: () => import("./v1.mjs"),
  "v1-wrapped": () => import("./v1-wrapped.mjs"),
  "v1-listener": () => import("./v1-listener.mjs"),
};

/** SDK v1 ends at revision 2025-11-25. */
export const LEGACY_ONLY = ["v1", "v1-wrapped", "v1-listener"];

export const VARIANT_NAMES = Object.keys(LOADERS);

/** Every ratio has `plain` below the line; `plain-again` says how far a ratio can be trusted. */
export const BASE = "plain";
export const CONTROL = "plain-again";

export async function loadVariant(name) {
  return await LOADERS[name]();
}
