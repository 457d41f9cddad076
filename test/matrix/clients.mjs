import { readFileSync } from "node:fs";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { pinnedServer } from "@trusted-mcp/identity";
import { trustedFetch } from "@trusted-mcp/sdk/client";
import { AUDIENCE, client as identity, serverKey } from "./people.mjs";
import { RESOURCE } from "./servers/common.mjs";

const INFO = { name: "matrix", version: "1.0.0" };
const CAPABILITIES = { elicitation: {} };
const reconnectionOptions = {
  initialReconnectionDelay: 10,
  maxReconnectionDelay: 100,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 3,
};
const accept = () => ({ action: /** @type {const} */ ("accept"), content: { answer: "forty-two" } });

/**
 * A connected client of the cell's kind, with one face for both SDKs.
 * @param {import("./cells.mjs").Cell} cell @param {string} url
 */
export async function connect(cell, url) {
  const fetch = cell.channel === "none" ? undefined : sealed(url);
  /** @type {Set<string>} */
  const updates = new Set();
  /** @type {(uri: string) => void} */
  let told = () => undefined;
  const updated = new Promise((resolve) => (told = (uri) => resolve(updates.add(uri))));
  const isV1 = cell.client === "v1";
  /** @type {any} */
  const client = isV1
    ? new ClientV1(INFO, { capabilities: CAPABILITIES })
    : new Client(INFO, {
        capabilities: CAPABILITIES,
        versionNegotiation: { mode: cell.client === "v2 modern" ? { pin: "2026-07-28" } : "legacy" },
      });
  client.setRequestHandler(isV1 ? ElicitRequestSchema : "elicitation/create", accept);
  client.setNotificationHandler(
    isV1 ? ResourceUpdatedNotificationSchema : "notifications/resources/updated",
    (/** @type {any} */ { params }) => told(params.uri),
  );
  const options = { reconnectionOptions, ...(fetch && { fetch }) };
  /** @type {any} */
  const transport = isV1
    ? new TransportV1(new URL(url), options)
    : new StreamableHTTPClientTransport(new URL(url), options);
  const close = async () => {
    await client.close().catch(() => undefined);
    await fetch?.close();
  };
  try {
    await client.connect(transport, { timeout: 5000 });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    client,
    transport,
    /** @param {string} name @param {object} args @param {object} [given] @returns {Promise<string>} */
    async call(name, args, given = {}) {
      const params = { name, arguments: args };
      const result = await (isV1
        ? client.callTool(params, undefined, given)
        : client.callTool(params, given));
      return result.content[0].text;
    },
    subscribe: () =>
      cell.client === "v2 modern"
        ? client.listen({ resourceSubscriptions: [RESOURCE] })
        : client.subscribeResource({ uri: RESOURCE }),
    updated,
    framing: async () => (fetch === undefined ? "none" : (await fetch.session()).framing),
    close,
  };
}

/** @param {string} url */
function sealed(url) {
  const ca = process.env["NODE_EXTRA_CA_CERTS"];
  return trustedFetch({
    url,
    identity: identity.identity,
    server: pinnedServer(serverKey, "tools"),
    audience: AUDIENCE,
    ...(ca && { tls: { ca: readFileSync(ca) } }),
  });
}
