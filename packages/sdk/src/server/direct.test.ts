import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import type { ResponderSession } from "@trusted-mcp/channel";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { Departure } from "@trusted-mcp/http/departure";
import { Definitions } from "./definitions.ts";
import { anonymous, direct } from "./direct.ts";
import type { InnerHandler, InnerResponse } from "./inner.ts";
import { behindChannel } from "./web-handler.ts";

const INFO = { name: "compared", version: "1.0.0" };
const SESSION = {
  audience: "http://127.0.0.1/mcp",
  id: "session",
  peer: { name: "alice", keyId: "k", algorithm: "ed25519", delegated: false },
  appraisal: null,
} as unknown as ResponderSession;

type Registry = Pick<McpServer, "registerTool">;

function define(server: Registry): void {
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text }, ctx) => ({
    content: [{ type: "text", text: `${ctx.http?.authInfo?.clientId}: ${text}` }],
  }));
  server.registerTool("fail", {}, () => {
    throw new Error("the tool failed");
  });
  server.registerTool(
    "by-header",
    { inputSchema: z.object({ city: z.string().meta({ "x-mcp-header": "City" }) }) },
    ({ city }) => ({ content: [{ type: "text", text: city }] }),
  );
}

const definitions = new Definitions(INFO, {});
define({
  registerTool: ((...args: Parameters<McpServer["registerTool"]>) =>
    definitions.add((server) => server.registerTool(...args))) as McpServer["registerTool"],
});
const lanes = direct(definitions);
const nobody = anonymous(definitions, "http://127.0.0.1/mcp");
const entry = behindChannel(
  createMcpHandler(() => {
    const server = new McpServer(INFO, {
      capabilities: { extensions: { "dev.trusted-mcp/channel": { versions: ["trusted-mcp/1"] } } },
    });
    define(server);
    return server;
  }),
);

const JSON_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

function legacy(method: string, params?: object, id: unknown = 7) {
  return { headers: JSON_HEADERS, body: { jsonrpc: "2.0", id, method, ...(params && { params }) } };
}

function modern(method: string, params: object, headers: Record<string, string> = {}) {
  return {
    headers: { ...JSON_HEADERS, "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...headers },
    body: { jsonrpc: "2.0", id: "m", method, params: { ...params, _meta: META } },
  };
}

async function ask(handler: InnerHandler, request: { headers: object; body: unknown }): Promise<unknown> {
  const response = await handler({
    method: "POST",
    headers: Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
    body: Buffer.from(JSON.stringify(request.body)),
    session: SESSION,
    departure: new Departure(),
  });
  return { status: response.status, messages: await messagesOf(response) };
}

/** The JSON-RPC messages of an answer, whether they came as JSON or as events. */
async function messagesOf(response: InnerResponse): Promise<unknown[]> {
  const parts: Uint8Array[] = [];
  if (response.body instanceof Uint8Array) parts.push(response.body);
  else for await (const part of response.body) parts.push(part);
  const text = Buffer.concat(parts).toString("utf8");
  const events = text.split("\n").filter((line) => line.startsWith("data: {"));
  const texts = events.length > 0 ? events.map((line) => line.slice(6)) : [text].filter((one) => one !== "");
  return texts.map((one): unknown => JSON.parse(one));
}

const call = (name: string, args: object) => ({ name, arguments: args });

describe("a lane answers as the SDK's HTTP entry does [REQ-SDK-SHORT, REQ-SDK-ERAS]", () => {
  test.each([
    ["ping", legacy("ping")],
    ["a list", legacy("tools/list")],
    ["a call", legacy("tools/call", call("echo", { text: "ü" }))],
    [
      "a call that wants progress",
      legacy("tools/call", { ...call("echo", { text: "x" }), _meta: { progressToken: 1 } }),
    ],
    [
      "a progress token that is none",
      legacy("tools/call", { ...call("echo", { text: "x" }), _meta: { progressToken: {} } }),
    ],
    ["a `_meta` of other things", legacy("tools/call", { ...call("echo", { text: "x" }), _meta: { a: 1 } })],
    ["a `_meta` that is a list", legacy("tools/call", { ...call("echo", { text: "x" }), _meta: [] })],
    ["a `_meta` of null", legacy("ping", { _meta: null })],
    ["a claim without its header field", { ...legacy("ping", { _meta: META }) }],
    [
      "a modern header field without the claim",
      { ...legacy("ping"), headers: { ...JSON_HEADERS, "mcp-protocol-version": "2026-07-28" } },
    ],
    [
      "a legacy header field",
      { ...legacy("ping"), headers: { ...JSON_HEADERS, "mcp-protocol-version": "2025-06-18" } },
    ],
    [
      "a member that JSON-RPC does not know",
      { ...legacy("ping"), body: { ...legacy("ping").body, more: 1 } },
    ],
    ["an id of null", legacy("ping", undefined, null)],
    ["a call with id 0", legacy("tools/call", call("echo", { text: "x" }), 0)],
    ["a call with a text id", legacy("tools/call", call("echo", { text: "x" }), "id")],
    ["a tool that throws", legacy("tools/call", call("fail", {}))],
    ["an unknown tool", legacy("tools/call", call("nothing", {}))],
    ["wrong arguments", legacy("tools/call", call("echo", { text: 1 }))],
    ["an unknown method", legacy("no/such/method")],
    ["a method of the other era", legacy("server/discover")],
    ["a fractional id", legacy("ping", undefined, 1.5)],
    [
      "parameters that are a list",
      { headers: JSON_HEADERS, body: { jsonrpc: "2.0", id: 1, method: "ping", params: [] } },
    ],
    ["no JSON-RPC", { headers: JSON_HEADERS, body: { hello: 1 } }],
    ["a batch", { headers: JSON_HEADERS, body: [legacy("ping").body] }],
    [
      "an unknown version",
      { ...legacy("ping"), headers: { ...JSON_HEADERS, "mcp-protocol-version": "1999-01-01" } },
    ],
    [
      "another content type",
      { ...legacy("ping"), headers: { ...JSON_HEADERS, "content-type": "text/plain" } },
    ],
    [
      "an accept that takes no events",
      { ...legacy("ping"), headers: { ...JSON_HEADERS, accept: "application/json" } },
    ],
    ["a modern call", modern("tools/call", call("echo", { text: "x" }), { "mcp-name": "echo" })],
    ["a modern tool that throws", modern("tools/call", call("fail", {}), { "mcp-name": "fail" })],
    ["a modern unknown tool", modern("tools/call", call("nothing", {}), { "mcp-name": "nothing" })],
    ["modern wrong arguments", modern("tools/call", call("echo", {}), { "mcp-name": "echo" })],
    ["a modern list", modern("tools/list", {})],
    ["modern discovery", modern("server/discover", {})],
    [
      "a name in the header that is not the body's",
      modern("tools/call", call("echo", { text: "x" }), { "mcp-name": "fail" }),
    ],
    ["no name in the header", modern("tools/call", call("echo", { text: "x" }))],
    [
      "a method in the header that is not the body's",
      modern("tools/call", call("echo", { text: "x" }), { "mcp-method": "ping", "mcp-name": "echo" }),
    ],
    [
      "an argument that must be in the header and is not",
      modern("tools/call", call("by-header", { city: "Oslo" }), { "mcp-name": "by-header" }),
    ],
    [
      "an argument in the header",
      modern("tools/call", call("by-header", { city: "Oslo" }), {
        "mcp-name": "by-header",
        "mcp-param-city": "Oslo",
      }),
    ],
  ])("%s", async (_name, request) => {
    const expected = await ask(entry, request);
    expect(await ask(lanes, request)).toEqual(expected);
    // A tool that tells its caller's name tells "undefined" here.
    const nameless: unknown = JSON.parse(JSON.stringify(expected).replaceAll("alice", "undefined"));
    expect(await ask(nobody, request)).toEqual(nameless);
  });
});

describe("callers without a name, who share one lane", () => {
  const own = new Definitions(INFO, { capabilities: { logging: {} } });
  const started = new Map<string, { signal: AbortSignal; end: () => void }>();
  own.add((server) =>
    server.registerTool("wait", { inputSchema: z.object({ name: z.string() }) }, async ({ name }, ctx) => {
      await new Promise<void>((end) => started.set(name, { signal: ctx.mcpReq.signal, end }));
      await ctx.mcpReq.log("debug", `said by ${name}`);
      return { content: [{ type: "text", text: name }] };
    }),
  );
  const handler = anonymous(own, "http://localhost/mcp");
  const begun = (name: string) =>
    vi.waitFor(() => started.get(name) ?? Promise.reject(new Error("not yet")), { interval: 1 });

  test("cannot cancel each other's calls, nor choose what others are told", async () => {
    const waiting = ask(handler, legacy("tools/call", call("wait", { name: "a" }), 1));
    const { signal, end } = await begun("a");
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
    expect(await ask(handler, { headers: JSON_HEADERS, body: cancel })).toMatchObject({ status: 202 });
    await ask(handler, legacy("logging/setLevel", { level: "emergency" }));
    expect(signal.aborted).toBe(false);
    end();
    const answer = JSON.stringify(await waiting);
    expect(answer).toContain("said by a");
    expect(answer).toContain('"text":"a"');
  });

  test("take their own call with them when they go", async () => {
    const departure = new Departure();
    const { headers, body } = legacy("tools/call", call("wait", { name: "b" }), 1);
    const waiting = handler({
      method: "POST",
      headers: Object.entries(headers),
      body: Buffer.from(JSON.stringify(body)),
      departure,
    });
    const { signal } = await begun("b");
    departure.announce();
    await waiting;
    expect(signal.aborted).toBe(true);
  });
});

test("callers of one session who use the same id at the same time each get their own answer", async () => {
  const answers = await Promise.all(
    ["a", "b", "c"].map((text) => ask(lanes, legacy("tools/call", call("echo", { text }), 1))),
  );
  expect(answers.map((answer) => JSON.stringify(answer))).toEqual(
    ["a", "b", "c"].map((text) => expect.stringContaining(`alice: ${text}`)),
  );
});

test("a tool that was removed or disabled is gone from lanes that stand already", async () => {
  const own = new Definitions(INFO, {});
  const handle = own.add((server) => server.registerTool("once", {}, () => ({ content: [] })));
  const handler = direct(own);
  const tools = async (): Promise<string> => JSON.stringify(await ask(handler, legacy("tools/list")));
  expect(await tools()).toContain("once");
  handle.disable();
  expect(await tools()).not.toContain("once");
  handle.enable();
  expect(await tools()).toContain("once");
  handle.remove();
  expect(await tools()).not.toContain("once");
  expect(() => handle.update({ title: "other" })).toThrow(TypeError);
});
