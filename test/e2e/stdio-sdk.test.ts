import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioClientTransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { generateKey, writeKeyPair } from "@trusted-mcp/identity";
import { clientKeys } from "@trusted-mcp/sdk/client";
import { trustedClientTransport, type TrustedClientTransport } from "@trusted-mcp/sdk/stdio";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { codeOf } from "./support/pipe.ts";

const CHILD = fileURLToPath(new URL("./support/stdio-child.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-stdio-"));
let keys: Awaited<ReturnType<typeof clientKeys>>;

beforeAll(async () => {
  for (const name of ["server", "alice"])
    await writeKeyPair(join(folder, name), await generateKey("ed25519"));
  keys = await clientKeys({ key: join(folder, "alice.key.pem"), server: join(folder, "server.pub.pem") });
});
beforeEach(() => rmSync(join(folder, "log"), { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

type Kind = "v2" | "v2-modern" | "v2-connect" | "v1" | "v1-strict";

function transportTo(
  kind: Kind,
  Type: typeof StdioClientTransport | typeof StdioClientTransportV1,
): TrustedClientTransport {
  const inner = new Type({ command: process.execPath, args: [CHILD, folder, kind], stderr: "inherit" });
  return trustedClientTransport(inner, { ...keys, audience: "stdio:child" });
}

const log = (): string[] => readFileSync(join(folder, "log"), "utf8").trim().split("\n");

async function use(client: { callTool: Client["callTool"]; close(): Promise<void> }): Promise<void> {
  expect(await client.callTool({ name: "whoami" })).toMatchObject({ content: [{ text: "alice" }] });
  const text = 'Grüße\n\u2028 🌍 "quoted"'.repeat(10_000);
  expect(await client.callTool({ name: "echo", arguments: { text } })).toMatchObject({ content: [{ text }] });
  await client.close();
}

describe("SDK v1 and v2 over a sealed pipe to a real process [REQ-STDIO-PEER]", () => {
  test.each<Kind>(["v2", "v2-connect", "v1"])("client v1, server %s", async (kind) => {
    const client = new ClientV1({ name: "host", version: "1.0.0" });
    await client.connect(transportTo(kind, StdioClientTransportV1));
    await use(client as unknown as Client);
    expect(log()).toEqual(["started", "accepted alice"]);
  });

  test.each<Kind>(["v2", "v2-connect", "v1"])("client v2, legacy era, server %s", async (kind) => {
    const client = new Client({ name: "host", version: "1.0.0" });
    await client.connect(transportTo(kind, StdioClientTransport));
    expect(client.getProtocolEra()).toBe("legacy");
    await use(client);
    expect(log()).toEqual(["started", "accepted alice"]);
  });
});

describe("the child that SDK v2 starts to find out the era [REQ-STDIO-PROBE]", () => {
  const auto = (): Client =>
    new Client({ name: "host", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });

  test.each<[Kind, string]>([
    ["v2", "modern"],
    ["v2-modern", "modern"],
    ["v2-connect", "legacy"],
    ["v1", "legacy"],
    ["v1-strict", "legacy"],
  ])("server %s: it is asked through the channel, and the era is %s", async (kind, era) => {
    const client = auto();
    await client.connect(transportTo(kind, StdioClientTransport));
    expect(client.getProtocolEra()).toBe(era);
    await use(client);
    // Both processes were spoken to sealed: each has the one line of its one handshake, and no refusal.
    expect(log().sort()).toEqual(["accepted alice", "accepted alice", "started", "started"]);
  });

  test("a server that is not the pinned one: neither child is told anything", async () => {
    await writeKeyPair(join(folder, "other"), await generateKey("ed25519"));
    const { server } = await clientKeys({
      key: join(folder, "alice.key.pem"),
      server: join(folder, "other.pub.pem"),
    });
    const inner = new StdioClientTransport({ command: process.execPath, args: [CHILD, folder, "v2"] });
    const transport = trustedClientTransport(inner, { ...keys, server, audience: "stdio:child" });
    expect(
      codeOf(
        await auto()
          .connect(transport)
          .catch((error: unknown) => error),
      ),
    ).toBe("ERR_PEER_UNKNOWN");
    expect(log().filter((line) => line.startsWith("accepted"))).toEqual([]);
  });

  test("a plain server: it is refused, and gets no MCP message", async () => {
    const plain = fileURLToPath(
      new URL("../../packages/trusted-mcp/test/serve/modern-server.mjs", import.meta.url),
    );
    const inner = new StdioClientTransport({ command: process.execPath, args: [plain], stderr: "ignore" });
    const transport = trustedClientTransport(inner, {
      ...keys,
      audience: "stdio:child",
      handshakeTimeoutMs: 5000,
    });
    const error = await auto()
      .connect(transport)
      .catch((refusal: unknown) => refusal);
    expect(codeOf(error)).toBe("ERR_PLAINTEXT_REFUSED");
  });
});

describe("a process that dies", () => {
  test("in the middle of a call: the call fails, and the reason says that it may have run", async () => {
    const client = new Client({ name: "host", version: "1.0.0" });
    const transport = transportTo("v2", StdioClientTransport);
    await client.connect(transport);
    const errors: string[] = [];
    client.onerror = (error) => void errors.push(codeOf(error));
    expect(await client.callTool({ name: "dies" }).catch(() => "failed")).toBe("failed");
    expect(errors).toEqual(["ERR_PIPE_CUT"]);
    expect(log().at(-1)).toBe("dies");
  });

  test("before the handshake, or that is not there: connecting fails with a reason", async () => {
    const dead = new StdioClientTransport({ command: process.execPath, args: ["-e", ""] });
    const options = { ...keys, audience: "stdio:child" };
    const client = (): Client => new Client({ name: "host", version: "1.0.0" });
    const refused = await client()
      .connect(trustedClientTransport(dead, options))
      .catch((error: unknown) => error);
    expect(codeOf(refused)).toBe("ERR_UNREACHABLE");
    const missing = new StdioClientTransport({ command: join(folder, "missing") });
    await expect(client().connect(trustedClientTransport(missing, options))).rejects.toThrow("ENOENT");
  });
});
