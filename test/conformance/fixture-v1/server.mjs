import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { PNG } from "../fixture/media.mjs";
import { TOOLS } from "./tools.mjs";

// The same as ../fixture/server.mjs, on SDK v1. On its low-level server, because a tool's JSON Schema must
// reach the client as it is.

const RESOURCES = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of the static text resource." },
  "test://static-binary": { mimeType: "image/png", blob: PNG },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched resource content" },
};
const TEMPLATE = "test://template/{id}/data";

const said = (/** @type {object[]} */ ...contents) => ({
  messages: contents.map((content) => ({ role: "user", content })),
});
const words = (/** @type {string} */ text) => ({ type: "text", text });
const argument = (/** @type {string} */ name) => ({
  name,
  description: `The argument ${name}`,
  required: true,
});

/** @type {Record<string, { arguments?: object[], get(args: any): object }>} */
const PROMPTS = {
  test_simple_prompt: { get: () => said(words("This is a simple prompt for testing.")) },
  test_prompt_with_arguments: {
    arguments: ["arg1", "arg2"].map(argument),
    get: ({ arg1, arg2 }) => said(words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  },
  test_prompt_with_embedded_resource: {
    arguments: [argument("resourceUri")],
    get({ resourceUri: uri }) {
      const resource = { uri, mimeType: "text/plain", text: "Embedded resource content for testing." };
      return said({ type: "resource", resource }, words("Please process the embedded resource above."));
    },
  },
  test_prompt_with_image: {
    get: () =>
      said({ type: "image", data: PNG, mimeType: "image/png" }, words("Please analyze the image above.")),
  },
};

/**
 * @template T
 * @param {Record<string, T>} table
 * @param {string} name
 */
function known(table, name) {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined) throw new McpError(ErrorCode.InvalidParams, `${name} is not known`);
  return entry;
}

/** @param {string} uri */
function read(uri) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) return { uri, ...known(/** @type {any} */ (RESOURCES), uri) };
  const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { uri, mimeType: "application/json", text };
}

export function createFixtureServer() {
  const server = new Server(
    { name: "trusted-mcp-conformance-fixture-v1", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
    },
  );
  /** @type {any} */
  const handlers = server;
  handlers.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(TOOLS).map(([name, { description, inputSchema = { type: "object" } }]) => ({
      name,
      description,
      inputSchema,
    })),
  }));
  handlers.setRequestHandler(
    CallToolRequestSchema,
    (/** @type {any} */ { params }, /** @type {any} */ extra) =>
      known(TOOLS, params.name).run(params.arguments ?? {}, extra),
  );
  handlers.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: Object.entries(RESOURCES).map(([uri, { mimeType }]) => ({
      uri,
      mimeType,
      name: uri.slice("test://".length),
    })),
  }));
  handlers.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ name: "template", uriTemplate: TEMPLATE, mimeType: "application/json" }],
  }));
  handlers.setRequestHandler(ReadResourceRequestSchema, (/** @type {any} */ { params }) => ({
    contents: [read(params.uri)],
  }));
  handlers.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(PROMPTS).map(([name, { arguments: list }]) => ({
      name,
      description: `The prompt ${name}`,
      ...(list && { arguments: list }),
    })),
  }));
  handlers.setRequestHandler(GetPromptRequestSchema, (/** @type {any} */ { params }) =>
    known(PROMPTS, params.name).get(params.arguments ?? {}),
  );
  handlers.setRequestHandler(CompleteRequestSchema, (/** @type {any} */ { params }) => {
    const values = ["paris", "park", "party", "test"].filter((word) =>
      word.startsWith(params.argument.value),
    );
    return { completion: { values, total: values.length, hasMore: false } };
  });
  for (const schema of [SetLevelRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema]) {
    handlers.setRequestHandler(schema, () => ({}));
  }
  return server;
}
