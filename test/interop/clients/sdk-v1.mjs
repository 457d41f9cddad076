import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { answers, Asked, CAPABILITIES, CLIENT_INFO, performAll, stepsFor } from "./perform.mjs";

/** The client of @modelcontextprotocol/sdk. @type {import("../run-client.mjs").RunClient} */
export async function runSdkV1(target, { steps, root }) {
  const client = new Client(CLIENT_INFO, { capabilities: CAPABILITIES });
  const asked = new Asked();
  const answer = answers(root, asked);
  client.setRequestHandler(ListRootsRequestSchema, () => answer["roots/list"]());
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) =>
    answer["sampling/createMessage"](params),
  );
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer["elicitation/create"](params));
  const transport =
    "url" in target
      ? new StreamableHTTPClientTransport(new URL(target.url))
      : new StdioClientTransport({ ...target, stderr: "ignore" });
  try {
    await client.connect(/** @type {any} */ (transport));
    const outcomes = await performAll(
      stepsFor(steps, "v1"),
      (method, params, options) => ask(client, method, params, options),
      asked,
    );
    await target.quiet();
    if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
    return outcomes;
  } finally {
    await client.close();
  }
}

/** @param {Client} client @param {string} method @param {any} params @param {import("./perform.mjs").Options} options */
function ask(client, method, params, options) {
  switch (method) {
    case "ping":
      return client.ping(options);
    case "tools/list":
      return client.listTools(params, options);
    case "tools/call":
      // As a task it answers with the task, which callTool does not expect.
      if ("task" in params) break;
      return client.callTool(params, undefined, options);
    case "prompts/list":
      return client.listPrompts(params, options);
    case "prompts/get":
      return client.getPrompt(params, options);
    case "resources/list":
      return client.listResources(params, options);
    case "resources/templates/list":
      return client.listResourceTemplates(params, options);
    case "resources/read":
      return client.readResource(params, options);
    case "resources/subscribe":
      return client.subscribeResource(params, options);
    case "resources/unsubscribe":
      return client.unsubscribeResource(params, options);
    case "completion/complete":
      return client.complete(params, options);
    case "logging/setLevel":
      return client.setLoggingLevel(params.level, options);
  }
  return client.request(/** @type {any} */ ({ method, params }), ResultSchema, options);
}
