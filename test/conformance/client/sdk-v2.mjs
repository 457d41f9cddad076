import {
  Client,
  ClientCredentialsProvider,
  DpopSession,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from "@modelcontextprotocol/client";

/**
 * @typedef {{
 *   secret(clientId: string, clientSecret: string): any,
 *   signed(clientId: string, privateKey: string, algorithm: string): any,
 *   dpop?: () => unknown,
 * }} Providers
 * @typedef {{ fetch: import("./route.mjs").Fetch, login: any, form: (params: any) => Record<string, unknown>,
 *   info: { name: string, version: string }, revision: string }} Options
 */

/** @type {Promise<DpopSession> | undefined} */
let dpopKey;

/** @type {Providers} */
export const providers = {
  secret: (clientId, clientSecret) => new ClientCredentialsProvider({ clientId, clientSecret }),
  signed: (clientId, privateKey, algorithm) => new PrivateKeyJwtProvider({ clientId, privateKey, algorithm }),
  dpop: () => (dpopKey ??= DpopSession.create()),
};

/** @param {unknown} error */
export const asksForLogin = (error) => error instanceof UnauthorizedError;

/** One client and its transport, not connected. @param {string} url @param {Options} options */
export function create(url, { fetch, login, form, info, revision }) {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch,
    ...(login && { authProvider: login }),
  });
  const client = new Client(info, {
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    // The modern era is opt-in.
    ...(revision >= "2026" && { versionNegotiation: { mode: "auto" } }),
  });
  client.setRequestHandler("elicitation/create", ({ params }) => ({
    action: "accept",
    content: form(params),
  }));
  return {
    client,
    transport,
    finishLogin: (/** @type {URLSearchParams} */ callback) => transport.finishAuth(callback),
  };
}
