import { join } from "node:path";
import { startConnect, startServe } from "../channel.mjs";
import { stop, tail } from "../children.mjs";

// How the fixture client's requests reach the scenario server. The server's URL stays its name on every way:
// it is the OAuth resource, the `htu` of a DPoP proof and the audience of the channel. Only the address that
// the requests for it are sent to is another one, as behind any gateway; nothing in a body is rewritten.

/**
 * @typedef {(input: string | URL | Request, init?: RequestInit) => Promise<Response>} Fetch
 * @typedef {import("../channel.mjs").Between} Between
 * @typedef {{ fetch: Fetch, sealed(): number, log(): string, close(): Promise<void> }} Route
 *   `sealed`: how many requests went into the channel.
 */

/** @type {Record<string, (url: string, between: Between) => Promise<Route>>} */
export const ROUTES = { plain, sdk, program };

/** @returns {Promise<Route>} */
async function plain() {
  return { fetch: globalThis.fetch, sealed: () => 0, log: () => "", close: async () => undefined };
}

/**
 * `trustedFetch` in this process → `trusted-mcp serve --upstream` → the server.
 * @param {string} url @param {Between} between
 */
async function sdk(url, between) {
  const serve = await startServe(url, between, ["--audience", url]);
  // The build, as users get it.
  const { clientKeys, trustedFetch } = await import("@trusted-mcp/sdk/client");
  const files = { key: join(between.keys, "client.key.pem"), server: join(between.keys, "server.pub.pem") };
  const sealing = trustedFetch({ url: serve.url, audience: url, ...(await clientKeys(files)) });
  return sentTo(serve.url, url, sealing, [serve.child], sealing.close);
}

/**
 * Plain `fetch` → `trusted-mcp connect --listen` → `trusted-mcp serve --upstream` → the server.
 * @param {string} url @param {Between} between
 */
async function program(url, between) {
  const audience = ["--audience", url];
  const serve = await startServe(url, between, audience);
  const connect = await startConnect(serve.url, between, audience);
  return sentTo(connect.url, url, globalThis.fetch, [connect.child, serve.child], async () => undefined);
}

/**
 * @param {string} address where requests for `url` go
 * @param {string} url
 * @param {Fetch} fetch
 * @param {readonly import("../children.mjs").Child[]} children
 * @param {() => Promise<void>} close
 * @returns {Route}
 */
function sentTo(address, url, fetch, children, close) {
  const endpoint = new URL(url).href;
  let sealed = 0;
  return {
    fetch(input, init) {
      // Everything else, OAuth discovery and token requests, goes its usual way.
      if (input instanceof Request || new URL(input).href !== endpoint) return fetch(input, init);
      sealed += 1;
      return fetch(address, init);
    },
    sealed: () => sealed,
    log: () => children.map(tail).join(""),
    async close() {
      await close();
      await Promise.all(children.map(stop));
    },
  };
}
