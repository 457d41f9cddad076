import { z } from "zod";
import { Departure } from "@trusted-mcp/http/departure";
import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { Definitions } from "../../../packages/sdk/dist/server/definitions.js";
import { direct } from "../../../packages/sdk/dist/server/direct.js";
import { expect } from "../lib/finding.mjs";
import { isObject, parsed } from "../lib/json-oracle.mjs";
import { orHurry } from "../lib/patience.mjs";
import { serverSession } from "../lib/sessions.mjs";
import { bytesOf, JSON_TOKENS, jsonText, nested, tokensOf } from "../lib/text.mjs";

const definitions = new Definitions({ name: "fuzzed", version: "1" }, {});
definitions.add((server) =>
  server.registerTool("echo", { inputSchema: z.looseObject({}) }, (args, ctx) => ({
    content: [{ type: "text", text: `${Object.keys(args)} ${ctx.mcpReq.method}` }],
    structuredContent: args,
  })),
);
definitions.add((server) =>
  server.registerTool("steps", { inputSchema: z.looseObject({}) }, async (_, ctx) => {
    await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
    return { content: [] };
  }),
);
const handler = direct(definitions, () => undefined);
const session = serverSession();
const PATIENCE = 500;

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "a", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const METHODS = [
  "tools/call",
  "tools/list",
  "ping",
  "initialize",
  "server/discover",
  "subscriptions/listen",
  "x",
];
const someRequest = (random) => {
  const modern = random.chance(2);
  const method = random.pick(METHODS);
  const deep = random.chance(30) ? nested("1", random.pick([100, 3000, 8000]), random) : jsonText(random, 3);
  const meta = modern ? `"_meta":${JSON.stringify(META)},` : "";
  const params = `{${meta}"name":"${random.pick(["echo", "steps", "x"])}","arguments":{"a":${deep}}}`;
  return Buffer.concat([
    Uint8Array.of((modern ? 1 : 0) + 2 * METHODS.indexOf(method)),
    bytesOf(
      `{"jsonrpc":"2.0","id":${random.pick(["1", '"a"', "-1"])},"method":"${method}","params":${params}}`,
    ),
  ]);
};

/** A tool gives back what it was given: JSON that can be read but not written again. */
const DEEP = Buffer.concat([
  Uint8Array.of(0),
  bytesOf(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":${'{"a":'.repeat(8000)}1${"}".repeat(8000)}}}}`,
  ),
]);

/**
 * An opened message on its way into the MCP server, in both eras (first byte: which, and the method that the
 * header names). It is answered, or ends with the client's departure; whatever it holds.
 */
const inside = {
  name: "direct",
  errors: [TrustedMcpError],
  turns: true,
  // The MCP SDK's own validation is in it.
  slowMs: 200,
  maxBytes: 1 << 17,
  factor: 64,
  tokens: [...JSON_TOKENS, ...tokensOf(...METHODS, '"_meta":', '"progressToken":1', '"arguments":')],
  seeds: (random) => [DEEP, ...random.list(20, someRequest)],
  make: someRequest,
  async run(input) {
    const [first = 0] = input;
    const method = METHODS[(first >> 1) % METHODS.length];
    const departure = new Departure();
    let left = false;
    const leave = () => {
      left = true;
      departure.announce();
    };
    const modern = [
      ["mcp-protocol-version", "2026-07-28"],
      ["mcp-method", method],
      ["mcp-name", "echo"],
    ];
    const headers = [
      ["content-type", "application/json"],
      ["accept", "application/json, text/event-stream"],
      ...(first % 2 === 1 ? modern : []),
    ];
    const inner = { method: "POST", headers, body: input.subarray(1), session, departure };
    const { status, body } = await orHurry(handler(inner), leave, PATIENCE);
    const parts = body instanceof Uint8Array ? [body] : await orHurry(collect(body), leave, PATIENCE);
    const hurried = left;
    leave();
    return { status, hurried, text: Buffer.concat(parts).toString() };
  },
  check(input, { status, hurried, text }) {
    expect(status >= 200 && status < 600, "an impossible status");
    // The MCP SDK reads a body as fetch does: what is no UTF-8 becomes U+FFFD.
    const { value: asked } = parsed(Buffer.from(input.subarray(1)).toString("utf8"));
    expect(!hurried || asked?.method === "subscriptions/listen", "a call got no answer");
    const { ok, value: answered } = parsed(text);
    if (!ok || !isObject(answered) || !isObject(asked)) return;
    expect(
      answered.id === null || answered.id === undefined || answered.id === asked.id,
      "answers another id",
    );
  },
};

async function collect(body) {
  const parts = [];
  try {
    for await (const part of body) parts.push(part);
  } catch (error) {
    if (!(error instanceof TrustedMcpError)) throw error;
  }
  return parts;
}

export const targets = [inside];
