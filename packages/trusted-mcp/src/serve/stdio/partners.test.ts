import { createRequire } from "node:module";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, front, type Front, memoryLog } from "../../../test/serve/front.ts";
import { FAKE_MODERN, QUICK } from "../../../test/serve/talk.ts";
import { stdioHandler, type StdioHandler } from "./stdio-handler.ts";

const binary = (name: string): string =>
  createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/dist/index.js`);
const INFO = { name: "test", version: "1" };

let folder = "";
const fronts: Front[] = [];
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "trusted-mcp-")));
  await writeFile(join(folder, "hello.txt"), "hello\n");
});
afterAll(async () => {
  await Promise.all(fronts.map((each) => each.close()));
  await rm(folder, { recursive: true });
});

interface Served {
  readonly url: URL;
  readonly handler: StdioHandler;
  readonly args: readonly string[];
}

async function serve(args: readonly string[]): Promise<Served> {
  const handler = stdioHandler({ command: process.execPath, args, limits: QUICK, log: memoryLog() });
  const each = await front(handler);
  fronts.push(each);
  return { url: each.url, handler, args };
}

async function direct(args: readonly string[]): Promise<Client> {
  const client = new Client(INFO);
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [...args], stderr: "ignore" }),
  );
  return client;
}

async function viaV2(url: URL, options: ConstructorParameters<typeof Client>[1] = {}): Promise<Client> {
  const client = new Client(INFO, options);
  await client.connect(new StreamableHTTPClientTransport(url));
  return client;
}

async function viaV1(url: URL): Promise<ClientV1> {
  const client = new ClientV1(INFO);
  await client.connect(new TransportV1(url));
  return client;
}

const SERVERS = {
  everything: {
    args: () => [binary("server-everything"), "stdio"],
    calls: [
      { name: "echo", arguments: { message: "héllo" } },
      { name: "get-sum", arguments: { a: 2, b: 40 } },
    ],
  },
  filesystem: {
    args: () => [binary("server-filesystem"), folder],
    calls: [
      { name: "read_text_file", arguments: { path: join("FOLDER", "hello.txt") } },
      { name: "list_directory", arguments: { path: "FOLDER" } },
    ],
  },
  memory: {
    args: () => [binary("server-memory")],
    calls: [
      { name: "read_graph", arguments: {} },
      { name: "search_nodes", arguments: { query: "nobody" } },
    ],
  },
} as const;

describe.each(Object.keys(SERVERS) as (keyof typeof SERVERS)[])("the real server-%s", (name) => {
  it("gives SDK v2 (auto negotiation) and v1 clients what it gives a direct one, and leaves no process", async () => {
    const { args, calls } = SERVERS[name];
    const served = await serve(args());
    const [plain, v2, v1] = await Promise.all([
      direct(args()),
      viaV2(served.url, { versionNegotiation: { mode: "auto" } }),
      viaV1(served.url),
    ]);
    const tools = await plain.listTools();
    expect(tools.tools.length).toBeGreaterThan(5);
    expect(await v2.listTools()).toEqual(tools);
    expect(await v1.listTools()).toEqual(tools);
    for (const call of calls) {
      const request = JSON.parse(JSON.stringify(call).replaceAll("FOLDER", folder)) as {
        name: string;
        arguments: Record<string, unknown>;
      };
      const expected = await plain.callTool(request);
      expect(expected.isError).not.toBe(true);
      expect(await v2.callTool(request)).toEqual(expected);
      expect(await v1.callTool(request)).toEqual(expected);
    }
    expect(v2.getServerVersion()).toEqual(plain.getServerVersion());
    for (const client of [v2, v1])
      await (client.transport as StreamableHTTPClientTransport).terminateSession();
    await Promise.all([plain.close(), v2.close(), v1.close()]);
    await eventually(() => served.handler.processes === 0, "all processes of the server have ended");
  });
});

describe("server-everything behind the handler", () => {
  it("reports progress and asks its client for a sample, in the middle of a call", async () => {
    const { url } = await serve(SERVERS.everything.args());
    const client = new Client(INFO, { capabilities: { sampling: {} } });
    client.setRequestHandler("sampling/createMessage", () => ({
      model: "none",
      role: "assistant",
      content: { type: "text", text: "a sampled answer" },
    }));
    await client.connect(new StreamableHTTPClientTransport(url));
    const seen: number[] = [];
    await client.callTool(
      { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 2 } },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(seen).toEqual([1, 2]);
    await eventually(
      async () => (await client.listTools()).tools.some((tool) => tool.name === "trigger-sampling-request"),
      "the sampling tool is offered",
    );
    const sampled = await client.callTool({
      name: "trigger-sampling-request",
      arguments: { prompt: "x", maxTokens: 5 },
    });
    expect(JSON.stringify(sampled)).toContain("a sampled answer");
    await client.close();
  });
});

describe("a server of the 2026-07-28 era (SDK v2, serveStdio)", () => {
  it("is used in that era by two clients of one process, with progress, logs, cancellation and subscriptions", async () => {
    const served = await serve([FAKE_MODERN]);
    const connect = (): Promise<Client> => viaV2(served.url, { versionNegotiation: { mode: "auto" } });
    const [one, two] = await Promise.all([connect(), connect()]);
    expect([one.getNegotiatedProtocolVersion(), two.getNegotiatedProtocolVersion()]).toEqual([
      "2026-07-28",
      "2026-07-28",
    ]);
    const ask = async (client: Client, text: string): Promise<[unknown, number[]]> => {
      const seen: number[] = [];
      const result = await client.callTool(
        { name: "steps", arguments: { text } },
        { onprogress: ({ progress }) => seen.push(progress) },
      );
      return [result.content, seen];
    };
    const [first, second] = await Promise.all([ask(one, "first"), ask(two, "second")]);
    expect(first).toEqual([[{ type: "text", text: "first" }], [1, 2, 3]]);
    expect(second).toEqual([[{ type: "text", text: "second" }], [1, 2, 3]]);
    expect(served.handler.processes).toBe(1);

    const abort = new AbortController();
    const hanging = one.callTool({ name: "hang", arguments: {} }, { signal: abort.signal });
    hanging.catch(() => undefined);
    const counts = async (text: string): Promise<boolean> =>
      JSON.stringify(await two.callTool({ name: "counts", arguments: {} })).includes(text);
    await eventually(() => counts("1 started"), "the tool runs");
    abort.abort();
    await expect(hanging).rejects.toThrow();
    await eventually(() => counts("1 aborted"), "the tool was aborted");
    await Promise.all([one.close(), two.close()]);
  });

  it("is used in the earlier era by clients that know no other", async () => {
    const { url } = await serve([FAKE_MODERN]);
    const client = await viaV1(url);
    expect(await client.callTool({ name: "steps", arguments: { text: "old" } })).toMatchObject({
      content: [{ text: "old" }],
    });
    await client.close();
  });
});
