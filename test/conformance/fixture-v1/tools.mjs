import { readFileSync } from "node:fs";
import { CreateMessageResultSchema, ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { DEFAULTS, ENUMS } from "../fixture/forms.mjs";
import { PNG, WAV } from "../fixture/media.mjs";
import { pause, text } from "../fixture/reply.mjs";

/**
 * @typedef {import("@modelcontextprotocol/sdk/shared/protocol.js").RequestHandlerExtra<any, any>} Extra
 * @typedef {{ description: string, inputSchema?: any,
 *   run(args: any, extra: Extra): any }} Tool
 */

const schemaFile = new URL("../fixture/schema-2020-12.json", import.meta.url);
const oneText = (/** @type {string} */ name) => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  required: [name],
});
const image = { type: "image", data: PNG, mimeType: "image/png" };
const resource = (
  /** @type {string} */ uri,
  /** @type {string} */ mimeType,
  /** @type {string} */ words,
) => ({
  type: "resource",
  resource: { uri, mimeType, text: words },
});
const content = (/** @type {object[]} */ ...blocks) => ({
  description: "Returns content",
  run: () => ({ content: blocks }),
});

/** Asks the client's user and tells what came back. @param {string} message @param {object} properties @param {string[]} required */
async function ask(/** @type {Extra} */ extra, message, properties, required = []) {
  const params = { mode: "form", message, requestedSchema: { type: "object", properties, required } };
  const request = /** @type {any} */ ({ method: "elicitation/create", params });
  return extra.sendRequest(request, ElicitResultSchema);
}

/** @param {string} message @param {object} properties @returns {Tool} */
const form = (message, properties) => ({
  description: message,
  async run(_, extra) {
    const { action, content: answer } = await ask(extra, message, properties);
    return text(`Elicitation completed: action=${action}, content=${JSON.stringify(answer ?? {})}`);
  },
});

/** The names and the answers are the conformance suite's. @type {Record<string, Tool>} */
export const TOOLS = {
  test_simple_text: content({ type: "text", text: "This is a simple text response for testing." }),
  test_image_content: content(image),
  test_audio_content: content({ type: "audio", data: WAV, mimeType: "audio/wav" }),
  test_embedded_resource: content(
    resource("test://embedded-resource", "text/plain", "This is an embedded resource content."),
  ),
  test_multiple_content_types: content(
    { type: "text", text: "Multiple content types test:" },
    image,
    resource(
      "test://mixed-content-resource",
      "application/json",
      JSON.stringify({ test: "data", value: 123 }),
    ),
  ),
  test_error_handling: {
    description: "Always fails",
    run: () => ({ ...text("This tool intentionally returns an error for testing"), isError: true }),
  },
  test_tool_with_progress: {
    description: "Reports progress",
    async run(_, { _meta, sendNotification }) {
      const progressToken = _meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await pause();
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: 100, message: `Step ${progress} of 100` };
        await sendNotification({ method: "notifications/progress", params });
      }
      return text("Progress complete.");
    },
  },
  test_tool_with_logging: {
    description: "Sends three log messages",
    async run(_, { sendNotification }) {
      for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        await sendNotification({ method: "notifications/message", params: { level: "info", data } });
        await pause();
      }
      return text("Logged three messages.");
    },
  },
  test_reconnection: {
    description: "Ends its stream early; the answer waits for Last-Event-ID",
    async run(_, { closeSSEStream }) {
      closeSSEStream?.();
      await pause(100);
      return text("Delivered after the reconnection.");
    },
  },
  test_sampling: {
    description: "Asks the client's model",
    inputSchema: oneText("prompt"),
    async run({ prompt }, { sendRequest }) {
      const messages = [{ role: "user", content: { type: "text", text: prompt } }];
      const params = { messages, maxTokens: 100 };
      const request = /** @type {any} */ ({ method: "sampling/createMessage", params });
      const answer = await sendRequest(request, CreateMessageResultSchema);
      return text(`LLM response: ${answer.content.type === "text" ? answer.content.text : ""}`);
    },
  },
  test_elicitation: {
    description: "Asks the client's user",
    inputSchema: oneText("message"),
    async run({ message }, extra) {
      const fields = {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" },
      };
      const { action, content: answer } = await ask(extra, message, fields, Object.keys(fields));
      return text(`User response: ${JSON.stringify({ action, content: answer })}`);
    },
  },
  test_elicitation_sep1034_defaults: form("Please review and update the form", DEFAULTS),
  test_elicitation_sep1330_enums: form("Please choose from the options", ENUMS),
  json_schema_2020_12_tool: {
    description: "Tool with JSON Schema 2020-12 features",
    inputSchema: JSON.parse(readFileSync(schemaFile, "utf8")),
    run: (args) => text(JSON.stringify(args)),
  },
};
