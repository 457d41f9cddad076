import { type ChildProcess, spawn } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "../test/fixture.ts";
import { makeKeys, startTrusted, type TrustedServer } from "../test/trusted-server.ts";

const bin = fileURLToPath(new URL("../bin/trusted-mcp.js", import.meta.url));
const TEXT = [{ type: "text", text: "This is a simple text response for testing." }];
let folder: string;
let fixture: Fixture;
let server: TrustedServer;
let env: Record<string, string>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  await access(fileURLToPath(new URL("../dist/main.js", import.meta.url)));
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-process-"));
  await makeKeys(folder, "server", "alice");
  fixture = await startFixture();
  server = await startTrusted(folder, fixture.url);
  env = {
    TRUSTED_MCP_KEY: join(folder, "alice.key.pem"),
    TRUSTED_MCP_SERVER_KEY: join(folder, "server.pub.pem"),
  };
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  await server.close();
  await fixture.close();
  await rm(folder, { recursive: true });
});

function start(...argv: readonly string[]) {
  const child = spawn(process.execPath, [bin, ...argv], { env: { ...process.env, ...env }, stdio: "pipe" });
  children.push(child);
  const ended = new Promise<number | string | null>((resolve) =>
    child.on("exit", (code, signal) => resolve(code ?? signal)),
  );
  // A test may close the pipe on purpose.
  const stdout = text(child.stdout).catch(() => "");
  return { child, ended, stdout, stderr: text(child.stderr) };
}

describe("a host starts the program as it starts any stdio server [REQ-CLI-CONNECT-STDIO]:", () => {
  const command = () => ({
    command: process.execPath,
    args: [bin, "connect", server.url],
    env,
    stderr: "ignore" as const,
  });

  test("SDK v1", async () => {
    const client = new ClientV1({ name: "host", version: "1" });
    await client.connect(new StdioV1(command()));
    expect((await client.listTools()).tools.length).toBeGreaterThan(20);
    expect((await client.callTool({ name: "test_simple_text", arguments: {} })).content).toEqual(TEXT);
    await client.close();
  });

  test.each([["legacy" as const], [{ pin: "2026-07-28" } as const], ["auto" as const]])(
    "SDK v2, %j",
    async (mode) => {
      const client = new ClientV2({ name: "host", version: "1" }, { versionNegotiation: { mode } });
      await client.connect(new StdioV2(command()));
      expect(client.getNegotiatedProtocolVersion()).toBe(mode === "legacy" ? "2025-11-25" : "2026-07-28");
      expect((await client.callTool({ name: "test_simple_text", arguments: {} })).content).toEqual(TEXT);
      await client.close();
    },
  );
});

describe("the process", () => {
  test("ends with 0 at the end of input, and leaves only MCP on stdout [REQ-CLI-LOGS]", async () => {
    const { child, ended, stdout, stderr } = start("connect", server.url, "--log-format", "json");
    child.stdin.end(
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}\n',
    );
    expect(await ended).toBe(0);
    expect(
      (await stdout)
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([1]);
    for (const line of (await stderr).trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("level");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s while connected", async (signal) => {
    const { child, ended, stdout } = start("connect", server.url, "--listen", "0");
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(await stdout).toMatch(/^http:/);
  });

  test("ends cleanly when its reader goes away", async () => {
    const { child, ended, stderr } = start("list", server.url);
    child.stdout.destroy();
    expect(await ended).toBe(0);
    expect(await stderr).toBe("");
  });

  test("writes a large result whole before it ends", async () => {
    const { ended, stdout } = start("list", server.url, "--json");
    expect(await ended).toBe(0);
    expect(JSON.parse(await stdout)).toHaveProperty("tools");
  });

  test("exits with the command's code", async () => {
    const { ended, stderr } = start("lisst");
    expect(await ended).toBe(2);
    expect(await stderr).toContain("did you mean list?");
  });
});
