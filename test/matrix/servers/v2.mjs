import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  inputRequired,
  inputResponse,
  isInitializeRequest,
  isLegacyRequest,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { createEventStore } from "../../conformance/fixture/event-store.mjs";
import { ledger, note } from "../ledger.mjs";
import { form, RESOURCE, text } from "./common.mjs";

/** @param {"json" | "sse"} answers @param {import("@modelcontextprotocol/server").ServerNotifier} [notify] */
function createServer(answers, notify) {
  const server = new McpServer(
    { name: "matrix-v2", version: "1.0.0" },
    { capabilities: { resources: { subscribe: true } } },
  );
  const tool = (/** @type {string} */ name, /** @type {any} */ input, /** @type {any} */ run) =>
    server.registerTool(name, { inputSchema: z.object(input) }, run);
  tool("echo", { text: z.string() }, (/** @type {any} */ input) => text(input.text));
  tool("whoami", {}, (/** @type {any} */ _, /** @type {any} */ ctx) =>
    text(ctx.http?.authInfo?.clientId ?? "nobody"),
  );
  tool("make", { bytes: z.number() }, (/** @type {any} */ input) => text("m".repeat(input.bytes)));
  tool("steps", { steps: z.number() }, async (/** @type {any} */ input, /** @type {any} */ ctx) => {
    for (let step = 1; step <= input.steps; step += 1) await progress(ctx, step);
    return text("done");
  });
  tool("waits", { nonce: z.string() }, async (/** @type {any} */ input, /** @type {any} */ ctx) => {
    const { signal } = ctx.mcpReq;
    ledger.happened(`started ${input.nonce}`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    ledger.happened(`cancelled ${input.nonce}`);
    return text("stopped");
  });
  tool("asks", {}, async (/** @type {any} */ _, /** @type {any} */ ctx) => {
    if (notify === undefined && answers === "json") {
      // In JSON answers there is no stream for the request; the GET stream carries it.
      const { content } = await server.server.elicitInput(form());
      return text(`answered ${content?.["answer"]}`);
    }
    const answer = inputResponse(ctx.mcpReq.inputResponses, "form");
    if (answer.kind !== "elicit")
      return inputRequired({ inputRequests: { form: inputRequired.elicit(form()) } });
    return text(`answered ${answer.content?.["answer"]}`);
  });
  tool("touches", {}, async () => {
    if (notify === undefined) await server.server.sendResourceUpdated({ uri: RESOURCE });
    else notify.resourceUpdated(RESOURCE);
    return text("touched");
  });
  tool("breaks", {}, async (/** @type {any} */ _, /** @type {any} */ ctx) => {
    await progress(ctx, 1);
    ctx.http?.closeSSE?.();
    await sleep(30);
    await progress(ctx, 2);
    return text("after the break");
  });
  server.registerResource("watched", RESOURCE, {}, () => ({ contents: [{ uri: RESOURCE, text: "x" }] }));
  if (notify === undefined) server.server.setRequestHandler("resources/subscribe", () => ({}));
  return server;
}

/** @param {any} ctx @param {number} step */
async function progress(ctx, step) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: step } });
}

/**
 * Both eras at one address: sessions for the older one, the SDK's own entry for the newer.
 * @param {"json" | "sse"} answers
 */
export function sdkV2(answers) {
  /** @type {Map<string, WebStandardStreamableHTTPServerTransport>} */
  const sessions = new Map();
  const modern = createMcpHandler(() => createServer(answers, modern.notify), {
    legacy: "reject",
    responseMode: answers === "json" ? "json" : "sse",
  });

  /** @param {Request} request @param {any} [given] @returns {Promise<Response>} */
  async function fetch(request, given) {
    if (!(await isLegacyRequest(request, given?.parsedBody))) return modern.fetch(request, given);
    const id = request.headers.get("mcp-session-id");
    note(request.method, id, request.headers.get("last-event-id"));
    let transport = id === null ? undefined : sessions.get(id);
    if (transport === undefined) {
      const body =
        given?.parsedBody ?? (request.method === "POST" ? await request.clone().json() : undefined);
      if (!isInitializeRequest(body)) return new Response("no session", { status: 400 });
      const fresh = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: answers === "json",
        eventStore: createEventStore(),
        retryInterval: 10,
        onsessioninitialized: (session) => void sessions.set(session, fresh),
        onsessionclosed: (session) => ledger.happened(`ended ${session}`),
      });
      await createServer(answers).connect(fresh);
      transport = fresh;
    }
    return await transport.handleRequest(request, given);
  }

  return {
    fetch,
    node: toNodeHandler({ fetch }),
    close: async () => {
      await modern.close();
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
    },
  };
}
