import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { program, type Ran } from "../../test/program.ts";
import { makeKeys } from "../../test/trusted-server.ts";
import { EXIT } from "../exit-code.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const [PROGRAM, MODERN, FAKE] = [
  path("bin/trusted-mcp.js"),
  path("test/serve/modern-server.mjs"),
  path("test/serve/fake-server.mjs"),
];
let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-client-pipe-"));
  await makeKeys(folder, "server", "alice", "mallory");
});
afterAll(() => rm(folder, { recursive: true }));

/** The command of the other end, with this server behind it. */
const far = (...server: readonly string[]): string[] => [
  ...[process.execPath, PROGRAM, "serve", "--stdio", "--key", file("server.key.pem")],
  ...["--allow", file("alice.pub.pem"), "--audience", "stdio:far", "--", process.execPath, ...server],
];

async function near(
  asked: readonly string[],
  command: readonly string[],
  pinned = "server",
  signal?: AbortSignal,
): Promise<Ran> {
  const [name = "", ...rest] = asked;
  const env = {
    PATH: process.env["PATH"] ?? "",
    TRUSTED_MCP_KEY: file("alice.key.pem"),
    TRUSTED_MCP_SERVER_KEY: file(`${pinned}.pub.pem`),
  };
  return program([name, "--stdio", "--audience", "stdio:far", ...rest, "--", ...command], {
    env,
    ...(signal && { signal }),
  });
}

describe("list, call and inspect reach a server through a command [REQ-CLI-LIST-CALL, REQ-STDIO-PIPE]", () => {
  test("list: who proved what, and what is offered; what the other end logs is shown", async () => {
    const { code, stdout, stderr } = await near(["list"], far(MODERN));
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/^modern 1\.0\.0, MCP 2026-07-28\nproved to be "server": ed25519 key [\w-]{43}\n/);
    expect(stdout).toContain("steps(text)");
    expect(stderr).toContain("waiting for a client on standard input");
  });

  test("list, as JSON [REQ-CLI-JSON]", async () => {
    const { stdout } = await near(["list", "--json"], far(MODERN));
    expect(JSON.parse(stdout)).toMatchObject({
      server: { name: "modern" },
      peer: { name: "server", algorithm: "ed25519", framing: "lines" },
      tools: [{ name: "steps" }, { name: "hang" }, { name: "slow" }, { name: "counts" }],
    });
  });

  test("call: the content, or the raw result", async () => {
    const asked = ["call", "steps", "--args", '{"text":"Grüße"}'];
    expect(await near(asked, far(MODERN))).toMatchObject({ code: EXIT.ok, stdout: "Grüße\n" });
    const { stdout } = await near([...asked, "--json"], far(MODERN));
    expect(JSON.parse(stdout)).toMatchObject({ content: [{ type: "text", text: "Grüße" }] });
  });

  test("inspect: both sides of one exchange, none of whose words is on the wire [REQ-CLI-INSPECT]", async () => {
    const { code, stdout } = await near(["inspect"], far(MODERN));
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/framing +lines/);
    expect(stdout).toMatch(/request +\d+ bytes of application\/json/);
    expect(stdout).toContain("none is on the wire");
    const json = JSON.parse((await near(["inspect", "--json"], far(MODERN))).stdout) as object;
    expect(json).not.toHaveProperty("url");
    expect(json).toMatchObject({
      audience: "stdio:far",
      peer: { name: "server" },
      inside: { request: { text: expect.stringContaining("tools/list") } },
      onTheWire: { request: { hex: expect.stringMatching(/^[0-9a-f]{128}$/) } },
      leaked: [],
    });
  });

  test("a server of the earlier era, also one that ends at the question for its era", async () => {
    for (const mode of ["plain", "dies-on-probe"]) {
      const { code, stdout } = await near(["list"], far(FAKE, mode));
      expect([mode, code, stdout.split("\n")[0]]).toEqual([mode, EXIT.ok, "fake 1, MCP 2025-11-25"]);
    }
  });
});

describe("what goes wrong on the way ends with the right code [REQ-CLI-EXIT]:", () => {
  test.each<[string, number, string, () => Promise<Ran>]>([
    ["the server ends in a call", 6, "ERR_PIPE_CUT", () => near(["call", "crash"], far(FAKE))],
    [
      "a server with another key than the pinned one",
      3,
      "ERR_PEER_UNKNOWN",
      () => near(["list"], far(MODERN), "mallory"),
    ],
    [
      "a server that speaks plain MCP",
      4,
      "ERR_PLAINTEXT_REFUSED",
      () => near(["list"], [process.execPath, MODERN]),
    ],
    ["a command that ends", 5, "ERR_UNREACHABLE", () => near(["list"], [process.execPath, "-e", ""])],
    ["a command that is not there", 7, "ERR_FILE", () => near(["inspect"], [file("missing")])],
    ["a tool that is not there", 1, "nothing", () => near(["call", "nothing"], far(MODERN))],
  ])("%s", async (_name, exit, said, asked) => {
    const { code, stdout, stderr } = await asked();
    expect(code).toBe(exit);
    expect(stdout + stderr).toMatch(said);
  });

  test("SIGTERM while the other end is silent: 143, and its process has ended", async () => {
    const stop = new AbortController();
    const silent = `require("node:fs").writeFileSync(${JSON.stringify(file("pid"))}, String(process.pid)); process.stdin.resume()`;
    const asked = near(["list"], [process.execPath, "-e", silent], "server", stop.signal);
    const pid = await vi.waitFor(async () => Number((await readFile(file("pid"), "utf8")) || NaN), 5000);
    stop.abort("SIGTERM");
    expect((await asked).code).toBe(143);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test.each([
    ["URL beside --stdio", ["list", "http://a/mcp", "--stdio", "--", "x"], "give URL or --stdio, not both"],
    ["no command", ["inspect", "--stdio"], "needs the command that runs the other end"],
    ["a command without --stdio", ["list", "http://a/mcp", "--", "x"], "only for --stdio"],
    ["neither", ["list"], "URL is missing"],
    ["no tool", ["call", "--stdio", "--", "x"], "TOOL is missing"],
    ["no tool at a URL", ["call", "http://a/mcp"], "TOOL is missing"],
    [
      "no audience",
      ["call", "--stdio", "t", "--key=k", "--server-key=s", "--", "x"],
      "--audience NAME is needed",
    ],
  ])("usage: %s", async (_name, argv, said) => {
    const { code, stderr } = await program(argv);
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining(said)]);
  });
});
