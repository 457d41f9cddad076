import { Client as ClientV2, PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import {
  CreateMessageRequestSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "../../test/fixture.ts";
import { initialize, initialized, modern, piped, type Piped, rawHost } from "../../test/host.ts";
import { VERSION_KEY } from "./mcp-headers.ts";

let fixture: Fixture;
const pipes: Piped[] = [];
const open = (...args: Parameters<typeof piped>): Piped => {
  const pipe = piped(...args);
  pipes.push(pipe);
  return pipe;
};

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(async () => {
  for (const pipe of pipes) pipe.stop.abort("SIGTERM");
  await Promise.all(pipes.map((pipe) => pipe.done));
  await fixture.close();
});

const say = { name: "test_simple_text", arguments: {} };
const TEXT = "This is a simple text response for testing.";

describe("an SDK v1 client as host (legacy era) [REQ-CLI-CONNECT-STDIO]", () => {
  test("lists, calls, answers the server's sampling request and hears notifications of the GET stream", async () => {
    const pipe = open(fixture.url);
    const client = new ClientV1({ name: "host", version: "1" }, { capabilities: { sampling: {} } });
    let asked = "";
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      asked = JSON.stringify(params.messages);
      return { role: "assistant", model: "test", content: { type: "text", text: "Paris" } };
    });
    const changed = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    await client.connect(pipe.transport());
    expect((await client.listTools()).tools.length).toBeGreaterThan(20);
    expect((await client.callTool(say)).content).toEqual([{ type: "text", text: TEXT }]);
    const sampled = await client.callTool({ name: "test_sampling", arguments: { prompt: "capital?" } });
    expect(sampled.content).toEqual([{ type: "text", text: "LLM response: Paris" }]);
    expect(asked).toContain("capital?");
    await client.callTool({ name: "test_trigger_tool_change", arguments: {} });
    await changed;
    await client.close();
    pipe.stdin.end();
    expect(await pipe.done).toMatchObject({ answered: true, failure: undefined });
  });

  test("reports progress in order", async () => {
    const client = new ClientV1({ name: "host", version: "1" });
    await client.connect(open(fixture.url).transport());
    const seen: number[] = [];
    await client.callTool({ name: "test_tool_with_progress", arguments: {} }, undefined, {
      onprogress: ({ progress }) => seen.push(progress),
    });
    expect(seen).toEqual([0, 50, 100]);
    await client.close();
  });
});

describe("an SDK v2 client as host", () => {
  test.each([
    ["legacy", "legacy" as const, "2025-11-25"],
    ["modern", { pin: "2026-07-28" } as const, "2026-07-28"],
  ])("%s era: lists, calls, reads, gets and reports progress", async (_, mode, version) => {
    const client = new ClientV2({ name: "host", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(open(fixture.url).transport());
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect((await client.listTools()).tools.length).toBeGreaterThan(20);
    expect((await client.callTool(say)).content).toEqual([{ type: "text", text: TEXT }]);
    expect((await client.readResource({ uri: "test://static-text" })).contents).toHaveLength(1);
    expect((await client.getPrompt({ name: "test_simple_prompt" })).messages).toHaveLength(1);
    const seen: number[] = [];
    await client.callTool(
      { name: "test_tool_with_progress", arguments: {} },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(seen).toEqual([0, 50, 100]);
    await client.close();
  });

  test("modern era: answers input_required by a retry, and hears a subscription", async () => {
    const client = new ClientV2(
      { name: "host", version: "1" },
      { versionNegotiation: { mode: { pin: "2026-07-28" } }, capabilities: { sampling: {} } },
    );
    client.setRequestHandler("sampling/createMessage", () => ({
      role: "assistant",
      model: "test",
      content: { type: "text", text: "Paris" },
    }));
    const changed = new Promise<void>((resolve) => {
      client.setNotificationHandler("notifications/tools/list_changed", () => resolve());
    });
    await client.connect(open(fixture.url).transport());
    const sampled = await client.callTool({ name: "test_sampling", arguments: { prompt: "capital?" } });
    expect(sampled.content).toEqual([{ type: "text", text: "LLM response: Paris" }]);
    const subscription = await client.listen({ toolsListChanged: true });
    await client.callTool({ name: "test_trigger_tool_change", arguments: {} });
    await changed;
    await subscription.close();
    await client.close();
  });
});

test("the envelope key is the SDK's", () => expect(VERSION_KEY).toBe(PROTOCOL_VERSION_META_KEY));

describe("raw lines", () => {
  test("everything may be written at once: initialize, initialized, a call, end of input", async () => {
    const pipe = open(fixture.url);
    const host = rawHost(pipe);
    for (const message of [
      initialize(1),
      initialized,
      { jsonrpc: "2.0", id: "two", method: "tools/call", params: say },
    ])
      host.send(message);
    pipe.stdin.end();
    expect(await pipe.done).toEqual({ answered: true, failure: undefined });
    expect((await host.answer(1)).result).toMatchObject({ protocolVersion: "2025-11-25" });
    expect((await host.answer("two")).result).toMatchObject({ content: [{ type: "text", text: TEXT }] });
  });

  test("a modern call that needs Mcp-Param headers works without listing first", async () => {
    const pipe = open(fixture.url);
    const host = rawHost(pipe);
    const { tools } = await new Promise<{ tools: { name: string; inputSchema: object }[] }>((resolve) => {
      host.send(modern("list", "tools/list"));
      void host.answer("list").then((answer) => resolve(answer.result as never));
    });
    const tool = tools.find(({ inputSchema }) => JSON.stringify(inputSchema).includes("x-mcp-header"));
    const fresh = open(fixture.url);
    const second = rawHost(fresh);
    second.send(modern(1, "tools/call", { name: tool?.name, arguments: { region: "Zürich " } }));
    expect((await second.answer(1)).result).toMatchObject({ content: [{ type: "text" }] });
  });
});
