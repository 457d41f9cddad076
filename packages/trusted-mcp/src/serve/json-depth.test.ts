import { afterEach, describe, expect, it } from "vitest";
import { authInfo, memoryLog } from "../../test/serve/front.ts";
import { FAKE_MODERN, QUICK, request } from "../../test/serve/talk.ts";
import { MAX_JSON_DEPTH, tooDeep } from "./json-depth.ts";
import { ServerOutput } from "./stdio/server-output.ts";
import { stdioHandler, type StdioHandler } from "./stdio/stdio-handler.ts";

const nested = (depth: number, [open, close]: readonly [string, string] = ['{"a":', "}"]): string =>
  `${open.repeat(depth)}1${close.repeat(depth)}`;

describe("JSON that could be read but not written again", () => {
  it.each([
    ["objects", ['{"a":', "}"]],
    ["arrays", ["[", "]"]],
    ["both", ['[{"a":', "}]"]],
  ] as const)("is nested more than the bound, in %s", (_, brackets) => {
    const levels = brackets[0].startsWith("[{") ? 2 : 1;
    expect(tooDeep(nested(MAX_JSON_DEPTH / levels, brackets))).toBe(false);
    expect(tooDeep(nested(MAX_JSON_DEPTH / levels + 1, brackets))).toBe(true);
  });

  it("is not what only looks nested: brackets in strings, and many side by side", () => {
    expect(tooDeep(JSON.stringify(["[".repeat(5000), '\\"{'.repeat(5000)]))).toBe(false);
    expect(tooDeep(`[${Array.from({ length: 5000 }, () => "[{}]").join(",")}]`)).toBe(false);
    expect(() => JSON.stringify(JSON.parse(nested(MAX_JSON_DEPTH)))).not.toThrow();
  });
});

// Found by fuzzing: each of the two ended the whole program with an uncaught RangeError.
describe("a message nested too deeply", () => {
  let handler: StdioHandler | undefined;
  afterEach(async () => handler?.close());

  it("from a peer is refused: cancelling its call once stopped the server for everybody", async () => {
    handler = stdioHandler({
      command: process.execPath,
      args: [FAKE_MODERN],
      limits: QUICK,
      log: memoryLog(),
    });
    const client = `{"name":"a","version":"1","x":${nested(20_000)}}`;
    const meta = `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":${client},"io.modelcontextprotocol/clientCapabilities":{}}`;
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","arguments":{},"_meta":${meta}}}`;
    const headers = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "hang",
    };
    const answer = await handler.fetch(request("POST", body, { headers }), { authInfo: authInfo("alice") });
    expect([answer.status, (await answer.json()).error.message]).toEqual([
      400,
      "Invalid Request: nested more than 1000 levels deep",
    ]);
    expect(handler.processes).toBe(0);
  });

  it("from a server is skipped where it would have to be written again: in a batch", () => {
    const log = memoryLog();
    const routed: Buffer[] = [];
    const output = new ServerOutput(log, (_, line) => void routed.push(line));
    const message = `{"jsonrpc":"2.0","method":"m","params":${nested(20_000)}}`;
    output.take(Buffer.from(`[${message}]`));
    expect([routed.length, log.entries.some(({ level }) => level === "warn")]).toEqual([0, true]);
    output.take(Buffer.from(message));
    expect(routed.map(String)).toEqual([message]);
  });
});
