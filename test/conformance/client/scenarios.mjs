import { enterpriseLogin, personLogin, workloadLogin } from "./login.mjs";

// What the client does in each scenario of the suite. The suite watches from the server's side.

/** The suite's own document, which its authorization server takes for ours. */
const METADATA_URL = "https://conformance-test.local/client-metadata.json";

/** @typedef {import("./client.mjs").Session} Session */

/** A person's answer to a form: defaults are left to the SDK, and a question for consent gets it. */
const FORM = (/** @type {any} */ { requestedSchema }) =>
  "confirmed" in (requestedSchema?.properties ?? {}) ? { confirmed: true } : {};

const listTools = async (/** @type {Session} */ client) => (await client.listTools()).tools;

async function callEveryTool(
  /** @type {Session} */ client,
  /** @type {Record<string, unknown>} */ args = {},
) {
  for (const { name } of await listTools(client)) await client.callTool({ name, arguments: args });
}

/** The three kinds of names and URIs that a modern client repeats in headers (SEP-2243). */
async function useEverything(/** @type {Session} */ client) {
  await callEveryTool(client);
  for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
  for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
}

async function callAsTold(/** @type {Session} */ client, /** @type {any} */ { toolCalls }) {
  await listTools(client);
  for (const call of toolCalls) await client.callTool(call);
}

/** Arguments for whatever a tool asks for: one invalid tool must not keep us from the others. */
async function callListedTools(/** @type {Session} */ client) {
  for (const { name, inputSchema } of await listTools(client)) {
    const names = inputSchema.required ?? [];
    await client.callTool({ name, arguments: Object.fromEntries(names.map((each) => [each, "x"])) });
  }
}

async function returnSchema(/** @type {Session} */ client) {
  const tools = await listTools(client);
  const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool")?.inputSchema;
  await client.callTool({ name: "json_schema_echo", arguments: { schema } });
}

/** @type {Record<string, (client: Session, context: any) => Promise<unknown>>} */
const STEPS = {
  initialize: listTools,
  tools_call: (client) => callEveryTool(client, { a: 5, b: 3 }),
  "elicitation-sep1034-client-defaults": (client) => callEveryTool(client),
  "sse-retry": (client) => callEveryTool(client),
  "request-metadata": listTools,
  "sep-2322-client-request-state": (client) => callEveryTool(client),
  "http-standard-headers": useEverything,
  "http-custom-headers": callAsTold,
  "http-invalid-tool-headers": callListedTools,
  "json-schema-ref-no-deref": listTools,
  "json-schema-2020-12-preservation": returnSchema,
};

/** Behind OAuth: one list and one call, each of which may need another login. */
const BEHIND_OAUTH = (/** @type {Session} */ client) => callEveryTool(client);

/**
 * @param {string} name
 * @param {any} context what the suite tells the client
 * @param {import("./sdk-v2.mjs").Providers} sdk the providers that the SDK brings itself
 */
export function scenario(name, context, sdk) {
  const run = STEPS[name] ?? (name.startsWith("auth/") ? BEHIND_OAUTH : undefined);
  if (run === undefined) throw new Error(`The fixture client does not know the scenario ${name}.`);
  return {
    run: (/** @type {Session} */ client) => run(client, context),
    login: login(name, context, sdk),
    form: FORM,
  };
}

/** @param {string} name @param {any} context @param {import("./sdk-v2.mjs").Providers} sdk */
function login(name, context, sdk) {
  switch (name) {
    case "auth/basic-cimd":
      return personLogin({ metadataUrl: METADATA_URL });
    case "auth/pre-registration":
      return personLogin({ registered: context });
    case "auth/client-credentials-basic":
      return sdk.secret(context.client_id, context.client_secret);
    case "auth/client-credentials-jwt":
      return sdk.signed(context.client_id, context.private_key_pem, context.signing_algorithm);
    case "auth/enterprise-managed-authorization":
      return enterpriseLogin(context);
    case "auth/wif-jwt-bearer":
      return workloadLogin(context);
    case "auth/dpop":
    case "auth/dpop-nonce":
      return personLogin({ dpop: sdk.dpop });
    default:
      return name.startsWith("auth/") ? personLogin({}) : undefined;
  }
}
