import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../../packages/trusted-mcp/bin/trusted-mcp.js", import.meta.url));
const MODERN = fileURLToPath(
  new URL("../../packages/trusted-mcp/test/serve/modern-server.mjs", import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-pipe-"));
const file = (name: string): string => join(folder, name);

beforeAll(() => {
  for (const name of ["server", "alice", "mallory"])
    execFileSync(process.execPath, [PROGRAM, "keygen", "--out", name], { cwd: folder, stdio: "ignore" });
  mkdirSync(file("data"));
  writeFileSync(file("data/a.txt"), "Grüße, 世界\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The command of a server from the registry. */
function partner(name: string, ...args: string[]): string[] {
  const manifest = createRequire(import.meta.url).resolve(
    `@modelcontextprotocol/server-${name}/package.json`,
  );
  return [process.execPath, join(dirname(manifest), "dist/index.js"), ...args];
}

const far = (server: readonly string[], allow = "alice"): string[] => [
  ...[process.execPath, PROGRAM, "serve", "--stdio", "--key", file("server.key.pem")],
  ...["--allow", file(`${allow}.pub.pem`), "--audience", "stdio:far", "--", ...server],
];

const near = (other: readonly string[], pinned = "server"): string[] => [
  ...[process.execPath, PROGRAM, "connect", "--stdio", "--key", file("alice.key.pem")],
  ...["--server-key", file(`${pinned}.pub.pem`), "--audience", "stdio:far", "--", ...other],
];

async function host(command: readonly string[], mode: "auto" | "legacy" = "legacy"): Promise<Client> {
  const [program = "", ...args] = command;
  const client = new Client({ name: "host", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(new StdioClientTransport({ command: program, args, stderr: "ignore" }));
  return client;
}

async function same(server: readonly string[], use: (client: Client) => Promise<unknown>): Promise<void> {
  const [direct, sealed] = await Promise.all([host(server), host(near(far(server)))]);
  try {
    expect(sealed.getServerVersion()).toEqual(direct.getServerVersion());
    expect(sealed.getServerCapabilities()).toEqual(direct.getServerCapabilities());
    expect(await sealed.listTools()).toEqual(await direct.listTools());
    expect(await use(sealed)).toEqual(await use(direct));
  } finally {
    await Promise.all([direct.close(), sealed.close()]);
  }
}

describe("serve --stdio behind connect --stdio [REQ-STDIO-PIPE]", () => {
  test("the filesystem server answers as it does directly", async () => {
    await same(partner("filesystem", file("data")), async (client) => [
      await client.callTool({ name: "read_text_file", arguments: { path: file("data/a.txt") } }),
      await client.callTool({ name: "list_directory", arguments: { path: file("data") } }),
      await client.callTool({ name: "read_text_file", arguments: { path: "/etc/passwd" } }),
    ]);
  });

  test("the everything server answers as it does directly, with progress", async () => {
    await same(partner("everything", "stdio"), async (client) => {
      const progress: unknown[] = [];
      const long = await client.callTool(
        { name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } },
        { onprogress: (step) => progress.push(step) },
      );
      // The last one races with the answer inside the SDK, which no longer listens once that came.
      expect(progress.slice(0, 2)).toMatchObject([{ progress: 1 }, { progress: 2 }]);
      const { resources } = await client.listResources();
      const prompts = await client.listPrompts();
      return [long, resources, prompts, await client.callTool({ name: "echo", arguments: { message: "é" } })];
    });
  });

  test("the memory server answers as it does directly", async () => {
    await same(partner("memory"), async (client) => {
      const entities = [{ name: "a", entityType: "b", observations: ["c"] }];
      const created = await client.callTool({ name: "create_entities", arguments: { entities } });
      await client.callTool({ name: "delete_entities", arguments: { entityNames: ["a"] } });
      return created;
    });
  });

  test("a server of the modern era is found by the host's question, through both programs [REQ-STDIO-PROBE]", async () => {
    const client = await host(near(far([process.execPath, MODERN])), "auto");
    expect(client.getProtocolEra()).toBe("modern");
    expect(await client.callTool({ name: "steps", arguments: { text: "x" } })).toMatchObject({
      content: [{ text: "x" }],
    });
    await client.close();
  });
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command with this input; the input stays open until a line of output came, if `hold` says so. */
async function ran(command: readonly string[], input: string, hold = false): Promise<Ran> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const out = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out.stdout += text;
    child.stdin.end();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (out.stderr += text));
  child.stdin.on("error", () => undefined).write(input);
  if (!hold) child.stdin.end();
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...out };
}

const initialize = `${JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "h", version: "1" } },
})}\n`;
const codeIn = (stdout: string): unknown =>
  (JSON.parse(stdout.split("\n")[0] ?? "") as { error?: { data?: { code?: string } } }).error?.data?.code;

describe("what goes wrong on a pipe of the program [REQ-STDIO-PLAINTEXT]", () => {
  const started = `require("node:fs").writeFileSync(${JSON.stringify("STARTED")}, "")`;

  test("plain MCP to serve --stdio is refused, and the server behind is not even started", async () => {
    const server = [process.execPath, "-e", started.replace("STARTED", file("started"))];
    const { code, stdout, stderr } = await ran(far(server), initialize);
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, error: { code: -32090 } });
    expect([code, stderr]).toEqual([4, expect.stringContaining("ERR_PLAINTEXT_REFUSED")]);
    expect(() => rmSync(file("started"))).toThrow("ENOENT");
  });

  test.each<[string, () => string[], string, number]>([
    ["a plain server", () => near([process.execPath, MODERN]), "ERR_", 4],
    [
      "a server that is not the pinned one",
      () => near(far([process.execPath, MODERN]), "mallory"),
      "ERR_PEER_UNKNOWN",
      3,
    ],
    [
      "a client that is not on the list",
      () => near(far([process.execPath, MODERN], "mallory")),
      "ERR_REFUSED_BY_PEER",
      3,
    ],
    [
      "a command that prints a greeting",
      () =>
        near([
          process.execPath,
          "-e",
          "console.log('Welcome!'); setInterval(() => {}, 1e6); process.stdin.on('end', () => process.exit()).resume()",
        ]),
      "ERR_NOT_TRUSTED",
      4,
    ],
    ["a command that ends", () => near([process.execPath, "-e", ""]), "ERR_UNREACHABLE", 5],
    ["a command that is not there", () => near([file("missing")]), "ERR_FILE", 7],
  ])(
    "%s: the host gets an error answer with a code, the shell an exit code",
    async (_name, command, error, exit) => {
      const { code, stdout } = await ran(command(), initialize, true);
      expect(codeIn(stdout)).toMatch(error);
      expect(code).toBe(exit);
    },
  );

  test("a server that dies in a call: the host's request is answered, outcome unknown", async () => {
    const dies = "process.stdin.once('data', () => process.exit(9))";
    const { code, stdout, stderr } = await ran(near(far([process.execPath, "-e", dies])), initialize, true);
    expect(codeIn(stdout)).toBe("ERR_PIPE_CUT");
    expect(code).toBe(6);
    expect(stderr).toContain("the server behind the channel is gone");
  });
});
