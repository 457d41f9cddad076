import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { z } from "zod";
import { answers, Asked, CAPABILITIES, CLIENT_INFO, performAll, stepsFor } from "./perform.mjs";

/** The client of @modelcontextprotocol/client. @param {"legacy" | "auto"} mode @returns {import("../run-client.mjs").RunClient} */
export function runSdkV2(mode) {
  return async (target, { steps, root }) => {
    const client = new Client(CLIENT_INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
    const asked = new Asked();
    const answer = answers(root, asked);
    client.setRequestHandler("roots/list", () => answer["roots/list"]());
    client.setRequestHandler(
      "sampling/createMessage",
      ({ params }) => /** @type {any} */ (answer["sampling/createMessage"](params)),
    );
    client.setRequestHandler(
      "elicitation/create",
      ({ params }) => /** @type {any} */ (answer["elicitation/create"](params)),
    );
    const transport =
      "url" in target
        ? new StreamableHTTPClientTransport(new URL(target.url))
        : new StdioClientTransport({ ...target, stderr: "ignore" });
    try {
      await client.connect(transport);
      const outcomes = await performAll(
        stepsFor(steps, "v2"),
        (method, params, options) => ask(client, method, params, options),
        asked,
      );
      await target.quiet();
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
      return outcomes;
    } finally {
      await client.close();
    }
  };
}

/** @param {Client} client @param {string} method @param {any} params @param {import("./perform.mjs").Options} options */
function ask(client, method, params, options) {
  switch (method) {
    case "ping":
      return client.ping(options);
    case "tools/list":
      return client.listTools(params, options);
    case "tools/call":
      return client.callTool(params, options);
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
  return client.request({ method, params }, z.looseObject({}), options);
}
