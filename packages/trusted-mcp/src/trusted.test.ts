import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "../test/fixture.ts";
import { program, type Ran, type Surroundings } from "../test/program.ts";
import { makeKeys, startTrusted, type TrustedServer } from "../test/trusted-server.ts";
import { upstream } from "../test/upstream.ts";
import { EXIT } from "./exit-code.ts";

let folder: string;
let fixture: Fixture;
let server: TrustedServer;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-trusted-"));
  await makeKeys(folder, "server", "alice", "mallory");
  fixture = await startFixture();
  server = await startTrusted(folder, fixture.url);
  env = {
    TRUSTED_MCP_KEY: join(folder, "alice.key.pem"),
    TRUSTED_MCP_SERVER_KEY: join(folder, "server.pub.pem"),
  };
});
afterAll(async () => {
  await server.close();
  await fixture.close();
  await rm(folder, { recursive: true });
});

const run = (argv: readonly string[], around: Surroundings = {}) => program(argv, { env, ...around });

describe("list [REQ-CLI-LIST-CALL]", () => {
  test("shows who proved what, and what is offered", async () => {
    const { code, stdout, stderr } = await run(["list", server.url]);
    expect([code, stderr]).toEqual([EXIT.ok, ""]);
    expect(stdout).toMatch(
      /^trusted-mcp-conformance-fixture 1\.0\.0, MCP 2026-07-28\nproved to be "server": ed25519 key [\w-]{43}\n/,
    );
    expect(stdout).toMatch(/tools \(\d+\)\n {2}test_simple_text\(\) {2}Returns one text\n/);
    expect(stdout).toContain("test://static-text");
  });

  test("as JSON [REQ-CLI-JSON]", async () => {
    const { stdout } = await run(["list", server.url, "--json"]);
    const offer = JSON.parse(stdout) as { tools: unknown[] };
    expect(offer).toMatchObject({
      protocolVersion: "2026-07-28",
      peer: { name: "server", algorithm: "ed25519", delegated: false },
    });
    expect(offer.tools.length).toBeGreaterThan(20);
  });
});

describe("call [REQ-CLI-LIST-CALL]", () => {
  test("prints the content, and the raw result with --json", async () => {
    expect(await run(["call", server.url, "test_simple_text"])).toEqual({
      code: EXIT.ok,
      stdout: "This is a simple text response for testing.\n",
      stderr: "",
    });
    const { stdout } = await run(["call", server.url, "test_simple_text", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      content: [{ type: "text", text: "This is a simple text response for testing." }],
    });
  });

  test("names what is no text", async () => {
    const { stdout } = await run(["call", server.url, "test_multiple_content_types"]);
    expect(stdout).toMatch(
      /^Multiple content types test:\n\[image: image\/png, \d+ bytes; --json shows it\]\n\{"test":"data"/,
    );
  });

  test.each([
    ["given", (json: string) => Promise.resolve([json, {}] as const)],
    [
      "from a file",
      async (json: string) => (
        await writeFile(join(folder, "args.json"), json),
        [`@${join(folder, "args.json")}`, {}] as const
      ),
    ],
    ["from standard input", (json: string) => Promise.resolve(["@-", { stdin: json }] as const)],
  ])("takes arguments %s", async (_, give) => {
    const [args, around] = await give('{"prompt":"x"}');
    // The tool wants the client's model, which this client has not: the arguments themselves were fine.
    const { code, stderr } = await run(["call", server.url, "test_sampling", "--args", args], around);
    expect(code).toBe(EXIT.failed);
    expect(stderr).not.toContain("--args");
  });

  test("ends with 1 when the tool reports an error, and still shows it", async () => {
    const { code, stdout } = await run(["call", server.url, "test_error_handling"]);
    expect(code).toBe(EXIT.failed);
    expect(stdout).toContain("intentionally returns an error");
  });

  test("ends with 1 when there is no such tool", async () => {
    const { code, stderr, stdout } = await run(["call", server.url, "no_such_tool"]);
    expect(code).toBe(EXIT.failed);
    expect(stderr + stdout).toContain("no_such_tool");
  });

  test("never shows arguments in its log [REQ-CLI-LOGS]", async () => {
    const { stderr } = await run([
      "call",
      server.url,
      "no_such_tool",
      "--args",
      '{"token":"hunter2"}',
      "--log-level",
      "debug",
    ]);
    expect(stderr).not.toContain("hunter2");
  });
});

describe("inspect [REQ-CLI-INSPECT]", () => {
  test("shows the peer, the suite, the session, and both sides of one exchange", async () => {
    const { code, stdout } = await run(["inspect", server.url]);
    expect(code).toBe(EXIT.ok);
    for (const words of [
      "Who answered",
      "pinned as     server",
      "ed25519",
      "suite",
      "tools/list",
      "What an observer on the wire saw",
      "none is on the wire",
    ]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).toMatch(/request +\d+ bytes of application\/trusted-mcp/);
  });

  test("as JSON [REQ-CLI-JSON]", async () => {
    const { stdout } = await run(["inspect", server.url, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      url: server.url,
      peer: { name: "server", algorithm: "ed25519" },
      session: { notAfter: expect.stringMatching(/^\d{4}-/), appraisal: "none asked for" },
      onTheWire: { request: { hex: expect.stringMatching(/^[0-9a-f]+$/) } },
      leaked: [],
    });
  });
});

describe("refusals end with the right code [REQ-CLI-EXIT]:", () => {
  test("3 for a server that has another key than the pinned one", async () => {
    const { code, stdout, stderr } = await run([
      "list",
      server.url,
      "--server-key",
      join(folder, "mallory.pub.pem"),
    ]);
    expect([code, stdout]).toEqual([EXIT.identity, ""]);
    expect(stderr).toContain("ERR_PEER_UNKNOWN");
  });

  test("3 for a client that the server does not know", async () => {
    const { code, stderr } = await run(["list", server.url, "--key", join(folder, "mallory.key.pem")]);
    expect(code).toBe(EXIT.identity);
    expect(stderr).toContain("ERR_REFUSED_BY_PEER");
  });

  test("4 for a server that speaks plain MCP only; nothing is sent in plaintext", async () => {
    const { code, stderr } = await run(["list", fixture.url]);
    expect(code).toBe(EXIT.channel);
    expect(stderr).toContain("ERR_NOT_TRUSTED");
  });

  test("4 for a redirect", async () => {
    const http = createServer((_, response) => response.writeHead(307, { location: server.url }).end());
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { code, stderr } = await run([
      "list",
      `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    ]);
    http.close();
    expect(code).toBe(EXIT.channel);
    expect(stderr).toContain("ERR_REDIRECT");
  });
});

describe("a server behind the trusted server that is down", () => {
  const behind = async (argv: readonly string[]) => {
    const plain = createServer((incoming, response) => {
      incoming.resume();
      response.writeHead(502, { "content-type": "application/json" }).end(error);
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const front = await startTrusted(folder, `http://127.0.0.1:${(plain.address() as AddressInfo).port}/mcp`);
    const [command = "", ...rest] = argv;
    const ran = await run([command, front.url, ...rest]);
    await front.close();
    plain.close();
    return ran;
  };
  const error =
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"cannot be \\u001b[31mreached"}}';

  test.each([[["list"]], [["call", "echo"]]])(
    "is named by %j, with its own words made printable",
    async (argv) => {
      const { code, stdout, stderr } = await behind(argv);
      expect([code, stdout]).toEqual([EXIT.failed, ""]);
      expect(stderr).toMatch(/the MCP server behind it is down or fails \(HTTP 502\): cannot be /);
      expect(stderr).toContain("ERR_HTTP_STATUS");
      expect(stderr).not.toContain("negotiation");
      expect(stderr).not.toContain("\u001b");
    },
  );
});

describe("call ends with 6 when nobody can say whether the tool ran [REQ-CLI-EXIT]:", () => {
  const FAKE = fileURLToPath(new URL("../test/serve/fake-server.mjs", import.meta.url));

  /** `serve` with these options, and what `call` says of it. */
  async function served(options: readonly string[], tool: string): Promise<Ran> {
    const stop = new AbortController();
    let address = (_url: string): void => undefined;
    const listening = new Promise<string>((resolve) => (address = resolve));
    const serving = program(
      [
        ...["serve", "--port", "0", "--key", join(folder, "server.key.pem")],
        ...["--allow", join(folder, "alice.pub.pem"), ...options],
      ],
      {
        env: { PATH: process.env["PATH"] ?? "" },
        signal: stop.signal,
        onStdout: (text) => address(text.trim()),
      },
    );
    const ran = await run(["call", await listening, tool]);
    stop.abort("SIGTERM");
    await serving;
    return ran;
  }

  test.each(["plain", "modern"])("a process that ends in a call (%s)", async (mode) => {
    const { code, stdout, stderr } = await served(["--", process.execPath, FAKE, mode], "crash");
    expect([code, stdout]).toEqual([EXIT.outcomeUnknown, ""]);
    expect(stderr).toContain("the request may have run");
    expect(stderr).toContain("ERR_OUTCOME_UNKNOWN");
    expect((await served(["--", process.execPath, FAKE, mode], "other")).code).toBe(EXIT.ok);
  });

  test("an upstream that breaks the connection in a call; one that is not there is 1", async () => {
    const broken = await upstream((request, response, body) => {
      const { id, method } = JSON.parse(body || "{}") as { id?: number; method?: string };
      if (method === "tools/call") return void request.socket.destroy();
      const result = {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "breaks", version: "1" },
      };
      const answer = method === "initialize" ? { result } : { error: { code: -32601, message: "unknown" } };
      if (id === undefined) return void response.writeHead(202).end();
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
    });
    const { code, stdout, stderr } = await served(["--upstream", broken.url], "any");
    await broken.close();
    expect([code, stdout]).toEqual([EXIT.outcomeUnknown, ""]);
    expect(stderr).toContain("broke the connection before it answered; the request may have run");
    expect(stderr).toContain("ERR_OUTCOME_UNKNOWN");
    expect((await served(["--upstream", broken.url], "any")).code).toBe(EXIT.failed);
  });
});

describe("connect --listen [REQ-CLI-CONNECT-LISTEN]", () => {
  test("prints its address, serves an SDK client, and ends with 0 on SIGTERM", async () => {
    const stop = new AbortController();
    let address = (_url: string): void => undefined;
    const listening = new Promise<string>((resolve) => (address = resolve));
    const running = program(["connect", server.url, "--listen", "0"], {
      env,
      signal: stop.signal,
      onStdout: (text) => address(text.trim()),
    });
    const client = new Client({ name: "host", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(await listening));
    await client.connect(transport);
    const seen: number[] = [];
    await client.callTool(
      { name: "test_tool_with_progress", arguments: {} },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(seen).toEqual([0, 50, 100]);
    await transport.terminateSession();
    await client.close();
    stop.abort("SIGTERM");
    expect(await running).toMatchObject({
      code: EXIT.ok,
      stdout: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/mcp\n$/),
    });
  });
});

describe("connect over stdio [REQ-CLI-CONNECT-STDIO]", () => {
  const lines = (...messages: readonly object[]): string =>
    messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

  test("answers a request with the channel's refusal, and ends with its code", async () => {
    const { code, stdout } = await run(
      ["connect", server.url, "--server-key", join(folder, "mallory.pub.pem")],
      { stdin: lines(ping) },
    );
    expect(code).toBe(EXIT.identity);
    expect(JSON.parse(stdout)).toMatchObject({
      id: 1,
      error: { code: -32000, data: { code: "ERR_PEER_UNKNOWN", action: "stop" } },
    });
  });

  test("ends with 0 at the end of input, whatever the calls said", async () => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const call = {
      jsonrpc: "2.0",
      id: "c",
      method: "tools/call",
      params: { name: "test_error_handling", _meta: meta },
    };
    const { code, stdout } = await run(["connect", server.url, "--log-level", "debug"], {
      stdin: lines(call),
    });
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(stdout)).toMatchObject({ id: "c", result: { isError: true } });
  });
});
