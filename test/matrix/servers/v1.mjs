import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  ElicitResultSchema,
  isInitializeRequest,
  SubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { createEventStore } from "../../conformance/fixture/event-store.mjs";
import { ledger, note } from "../ledger.mjs";
import { form, RESOURCE, text } from "./common.mjs";

/** @param {"json" | "sse"} answers */
function createServer(answers) {
  const server = new McpServer(
    { name: "matrix-v1", version: "1.0.0" },
    { capabilities: { resources: { subscribe: true } } },
  );
  const tool = (/** @type {string} */ name, /** @type {any} */ inputSchema, /** @type {any} */ run) =>
    server.registerTool(name, { inputSchema }, run);
  tool("echo", { text: z.string() }, (/** @type {any} */ input) => text(input.text));
  tool("whoami", {}, (/** @type {any} */ _, /** @type {any} */ extra) =>
    text(extra.authInfo?.clientId ?? "nobody"),
  );
  tool("make", { bytes: z.number() }, (/** @type {any} */ input) => text("m".repeat(input.bytes)));
  tool("steps", { steps: z.number() }, async (/** @type {any} */ input, /** @type {any} */ extra) => {
    for (let step = 1; step <= input.steps; step += 1) await progress(extra, step);
    return text("done");
  });
  tool("waits", { nonce: z.string() }, async (/** @type {any} */ input, /** @type {any} */ { signal }) => {
    ledger.happened(`started ${input.nonce}`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    ledger.happened(`cancelled ${input.nonce}`);
    return text("stopped");
  });
  tool("asks", {}, async (/** @type {any} */ _, /** @type {any} */ extra) => {
    // In JSON answers there is no stream for the request; the GET stream carries it.
    const { content } = await (answers === "json"
      ? server.server.elicitInput(form())
      : extra.sendRequest({ method: "elicitation/create", params: form() }, ElicitResultSchema));
    return text(`answered ${content?.answer}`);
  });
  tool("touches", {}, async () => {
    await server.server.sendResourceUpdated({ uri: RESOURCE });
    return text("touched");
  });
  tool("breaks", {}, async (/** @type {any} */ _, /** @type {any} */ extra) => {
    await progress(extra, 1);
    extra.closeSSEStream?.();
    await sleep(30);
    await progress(extra, 2);
    return text("after the break");
  });
  server.registerResource("watched", RESOURCE, {}, () => ({ contents: [{ uri: RESOURCE, text: "x" }] }));
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  return server;
}

/** @param {any} extra @param {number} step */
async function progress(extra, step) {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return;
  await extra.sendNotification({
    method: "notifications/progress",
    params: { progressToken, progress: step },
  });
}

/** @param {"json" | "sse"} answers @param {Map<string, any>} sessions */
const options = (answers, sessions) => (/** @type {() => any} */ transport) => ({
  sessionIdGenerator: randomUUID,
  enableJsonResponse: answers === "json",
  eventStore: createEventStore(),
  retryInterval: 10,
  onsessioninitialized: (/** @type {string} */ id) => void sessions.set(id, transport()),
  onsessionclosed: (/** @type {string} */ id) => ledger.happened(`ended ${id}`),
});

/**
 * What users of SDK v1 have: a transport for each session, for Node and for web-standard requests.
 * @param {"json" | "sse"} answers
 */
export function sdkV1(answers) {
  /** @type {Map<string, any>} */
  const sessions = new Map();
  const optionsFor = options(answers, sessions);
  return {
    /** @param {import("node:http").IncomingMessage} req @param {import("node:http").ServerResponse} res @param {unknown} body */
    async node(req, res, body) {
      const id = req.headers["mcp-session-id"];
      note(req.method ?? "", String(id ?? ""), String(req.headers["last-event-id"] ?? ""));
      let transport = typeof id === "string" ? sessions.get(id) : undefined;
      if (transport === undefined) {
        if (!isInitializeRequest(body)) return void res.writeHead(400).end("no session");
        /** @type {any} */
        const fresh = new StreamableHTTPServerTransport(optionsFor(() => fresh));
        await createServer(answers).connect(fresh);
        transport = fresh;
      }
      await transport.handleRequest(req, res, body);
    },
    /** @param {Request} request @param {any} given @returns {Promise<Response>} */
    async fetch(request, given) {
      const id = request.headers.get("mcp-session-id");
      note(request.method, id, request.headers.get("last-event-id"));
      let transport = id === null ? undefined : sessions.get(id);
      if (transport === undefined) {
        const body =
          given?.parsedBody ?? (request.method === "POST" ? await request.clone().json() : undefined);
        if (!isInitializeRequest(body)) return new Response("no session", { status: 400 });
        /** @type {any} */
        const fresh = new WebStandardStreamableHTTPServerTransport(optionsFor(() => fresh));
        await createServer(answers).connect(fresh);
        transport = fresh;
      }
      return await transport.handleRequest(request, given);
    },
    close: async () => {
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
    },
  };
}
