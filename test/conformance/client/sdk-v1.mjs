import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
} from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

// SDK v1, which speaks the legacy era only and knows no DPoP.

/** @type {import("./sdk-v2.mjs").Providers} */
export const providers = {
  secret: (clientId, clientSecret) => new ClientCredentialsProvider({ clientId, clientSecret }),
  signed: (clientId, privateKey, algorithm) => new PrivateKeyJwtProvider({ clientId, privateKey, algorithm }),
};

/** @param {unknown} error */
export const asksForLogin = (error) => error instanceof UnauthorizedError;

/** One client and its transport, not connected. @param {string} url @param {import("./sdk-v2.mjs").Options} options */
export function create(url, { fetch, login, form, info }) {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch,
    ...(login && { authProvider: login }),
  });
  const client = new Client(info, { capabilities: { elicitation: { form: { applyDefaults: true } } } });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: "accept",
    content: form(params),
  }));
  return {
    client,
    transport,
    finishLogin: (/** @type {URLSearchParams} */ callback) =>
      transport.finishAuth(callback.get("code") ?? ""),
  };
}
