import { chmod, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program } from "../test/program.ts";
import { COMMON_OPTIONS } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { EXIT } from "./exit-code.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trusted-mcp-program-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("help", () => {
  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "of %s documents every option, with an example",
    async (name, command) => {
      const { code, stdout } = await program([name, "--help"]);
      expect(code).toBe(EXIT.ok);
      for (const option of Object.keys({ ...command.options, ...COMMON_OPTIONS }))
        expect(stdout).toContain(`--${option}`);
      for (const { name: positional } of command.positionals) expect(stdout).toContain(positional);
      expect(stdout).toMatch(/Examples?:\n {2}trusted-mcp /);
      expect((await program(["help", name])).stdout).toBe(stdout);
      expect(
        Math.max(
          ...stdout
            .split("\n")
            .filter((line) => !line.includes("trusted-mcp "))
            .map((line) => line.length),
        ),
      ).toBeLessThan(100);
    },
  );

  test("of the program lists every command, the exit codes and the environment [REQ-CLI-EXIT]", async () => {
    const { code, stdout } = await program(["--help"]);
    expect(code).toBe(EXIT.ok);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const word of ["outcome unknown", "TRUSTED_MCP_KEY", "TRUSTED_MCP_SERVER_KEY", "NO_COLOR"])
      expect(stdout).toContain(word);
  });

  test("comes on stderr, as an error, when nothing was asked", async () => {
    const { code, stdout, stderr } = await program([]);
    expect([code, stdout]).toEqual([EXIT.usage, ""]);
    expect(stderr).toContain("Usage: trusted-mcp COMMAND");
  });
});

describe("a usage error ends with 2, before anything is done [REQ-CLI-EXIT]:", () => {
  test.each([
    ["unknown command", ["conect"], 'unknown command "conect"; did you mean connect?'],
    ["option before the command", ["--json", "list"], "a command comes first"],
    ["help of an unknown command", ["help", "insepct"], "did you mean inspect?"],
    ["unknown option", ["list", "http://a/mcp", "--jsn"], "did you mean --json?"],
    ["no key", ["list", "http://a/mcp"], "set TRUSTED_MCP_KEY"],
    [
      "no server key",
      ["list", "http://a/mcp", "--key", "k"],
      "--server-key [NAME=]FILE is needed: the server's public key, NAME.pub.pem (or set TRUSTED_MCP_SERVER_KEY)",
    ],
    ["serve without a port", ["serve", "--key", "k"], "--port PORT is needed"],
    ["serve for nobody", ["serve", "--port=0", "--key=k", "--", "node"], "--allow [NAME=]FILE is needed"],
    [
      "serve with nothing behind it",
      ["serve", "--port=0", "--key=k", "--allow=a"],
      "either -- COMMAND ARGS… or --upstream",
    ],
    [
      "serve with an empty command",
      ["serve", "--port=0", "--key=k", "--allow=a", "--"],
      "either -- COMMAND ARGS… or --upstream",
    ],
    [
      "serve with two servers behind it",
      ["serve", "--port=0", "--key=k", "--allow=a", "--upstream=http://a", "--", "node"],
      "either -- COMMAND ARGS… or --upstream",
    ],
    [
      "serve with the command before --",
      ["serve", "--port=0", "node", "server.mjs"],
      `unexpected argument "node"; put -- before the server's command: -- node …`,
    ],
    [
      "serve with a command that has options before --",
      ["serve", "--port=0", "npx", "-y", "some-server"],
      "put -- before the server's command: -- npx …",
    ],
    ["keygen with a name and no --out", ["keygen", "keys/x"], "--out keys/x"],
    [
      "tool arguments without --args",
      ["call", "http://a/mcp", "t", '{"a":"secret"}'],
      `--args '{"name":"value"}'`,
    ],
    ["URL and TOOL the wrong way round", ["call", "tool", "http://a/mcp"], "trusted-mcp call URL tool"],
    ["no URL", ["connect"], "URL is missing"],
    ["bad URL", ["connect", "tools.example"], "is not a URL"],
    ["bad port", ["connect", "http://a/mcp", "--listen", "99999"], "0 to 65535"],
    [
      "arguments that are not JSON",
      ["call", "http://a/mcp", "t", "--args", "{secret"],
      "--args is not valid JSON",
    ],
    [
      "arguments that are not an object",
      ["call", "http://a/mcp", "t", "--args", "[1]"],
      "--args is a JSON object",
    ],
    [
      "two passphrases",
      ["list", "http://a/mcp", "--key=k", "--server-key=s", "--passphrase-env=A", "--passphrase-file=b"],
      "not both",
    ],
  ])("%s", async (_, argv, message) => {
    const { code, stdout, stderr } = await program(argv);
    expect([code, stdout]).toEqual([EXIT.usage, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("ERR_USAGE");
    expect(stderr).not.toContain("secret");
  });

  test("and in JSON when the log is JSON", async () => {
    const { stderr } = await program(["list", "--jsn", "--log-format", "json"]);
    expect(JSON.parse(stderr.split("\n")[0] ?? "")).toMatchObject({ level: "error", code: "ERR_USAGE" });
  });
});

describe("keygen [REQ-CLI-KEYGEN]", () => {
  test.each(["ed25519", "ecdsa-p256", "rsa-4096"])(
    "writes %s keys: the private one 0600, in PKCS#8",
    async (type) => {
      const out = join(folder, type);
      const { code, stdout } = await program(["keygen", "--type", type, "--out", out, "--json"]);
      expect(code).toBe(EXIT.ok);
      const written = JSON.parse(stdout) as { keyId: string };
      expect(written).toMatchObject({
        type,
        privateKeyFile: `${out}.key.pem`,
        publicKeyFile: `${out}.pub.pem`,
      });
      expect(written.keyId).toMatch(/^[\w-]{43}$/);
      expect((await stat(`${out}.key.pem`)).mode & 0o777).toBe(0o600);
      expect(await readFile(`${out}.key.pem`, "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
      expect(await readFile(`${out}.pub.pem`, "utf8")).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
      expect(stdout).not.toContain("PRIVATE KEY");
    },
  );

  test("never overwrites", async () => {
    const out = join(folder, "once");
    expect(await program(["keygen", "--out", out])).toMatchObject({ code: EXIT.ok, stderr: "" });
    const before = await readFile(`${out}.key.pem`, "utf8");
    const again = await program(["keygen", "--out", out]);
    expect(again.code).toBe(EXIT.local);
    expect(again.stderr).toContain("ERR_KEY_FILE_EXISTS");
    expect(await readFile(`${out}.key.pem`, "utf8")).toBe(before);
  });

  test("makes a folder that is missing, for its owner alone", async () => {
    const out = join(folder, "new", "me");
    expect(await program(["keygen", "--out", out])).toMatchObject({ code: EXIT.ok });
    expect((await stat(join(folder, "new"))).mode & 0o777).toBe(0o700);
  });

  test("says when a folder cannot be made", async () => {
    const { code, stderr } = await program(["keygen", "--out", join(folder, "once.pub.pem", "me")]);
    expect(code).toBe(EXIT.local);
    expect(stderr).toContain("ERR_KEY_FILE_WRITE");
  });
});

describe("an identity that is refused ends with 3 [REQ-CLI-EXIT]:", () => {
  const url = "http://127.0.0.1:9/mcp";
  test("a key file that is not there", async () => {
    const { code, stderr } = await program([
      "list",
      url,
      "--key",
      join(folder, "nobody.key.pem"),
      "--server-key",
      "s",
    ]);
    expect(code).toBe(EXIT.identity);
    expect(stderr).toContain("ERR_KEY_FILE_READ");
  });

  test("a public key as ours, which others can read: no chmod would help", async () => {
    const out = join(folder, "halves");
    await program(["keygen", "--out", out]);
    const keys = ["--key", `${out}.pub.pem`, "--server-key", `${out}.pub.pem`];
    const { code, stderr } = await program(["list", url, ...keys]);
    expect([code, stderr]).toEqual([EXIT.identity, expect.stringContaining("ERR_KEY_NOT_PRIVATE")]);
    expect(stderr).not.toContain("chmod");
  });

  test("the name of a pair instead of its file, with the file that was meant", async () => {
    const out = join(folder, "pair");
    await program(["keygen", "--out", out]);
    const { stderr } = await program(["list", url, "--key", out, "--server-key", `${out}.pub.pem`]);
    expect(stderr).toContain(`did you mean ${out}.key.pem?`);
  });

  test("a private key that others can read, from the environment variable", async () => {
    const out = join(folder, "open");
    await program(["keygen", "--out", out]);
    await chmod(`${out}.key.pem`, 0o644);
    const env = { TRUSTED_MCP_KEY: `${out}.key.pem`, TRUSTED_MCP_SERVER_KEY: `${out}.pub.pem` };
    const { code, stderr } = await program(["list", url], { env });
    expect(code).toBe(EXIT.identity);
    expect(stderr).toContain("chmod 600");
  });

  test("a private key where the server's public one belongs", async () => {
    const out = join(folder, "swapped");
    await program(["keygen", "--out", out]);
    const { code, stderr } = await program([
      "list",
      url,
      "--key",
      `${out}.key.pem`,
      "--server-key",
      `${out}.key.pem`,
    ]);
    expect(code).toBe(EXIT.identity);
    expect(stderr).toContain("ERR_KEY_NOT_PUBLIC");
    expect(stderr).not.toMatch(/MC4CAQAw/);
  });
});

test("a file of arguments that is not there ends with 7", async () => {
  const { code, stderr } = await program([
    "call",
    "http://a/mcp",
    "t",
    "--args",
    `@${join(folder, "nothing.json")}`,
  ]);
  expect(code).toBe(EXIT.local);
  expect(stderr).toContain("ERR_FILE");
});

test("a server that is not there ends with 5, and names it", async () => {
  const out = join(folder, "me");
  await program(["keygen", "--out", out]);
  const { code, stderr } = await program([
    "list",
    "http://127.0.0.1:9/mcp",
    "--key",
    `${out}.key.pem`,
    "--server-key",
    `${out}.pub.pem`,
  ]);
  expect(code).toBe(EXIT.unreachable);
  expect(stderr).toContain("ERR_UNREACHABLE");
  expect(stderr).toContain("http://127.0.0.1:9");
});

test("version says the package's version, also as JSON [REQ-CLI-JSON]", async () => {
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect((await program(["--version"])).stdout).toContain(`trusted-mcp ${version} (trusted-mcp/1`);
  expect(JSON.parse((await program(["version", "--json"])).stdout)).toMatchObject({
    version,
    protocol: "trusted-mcp/1",
  });
});

test("the guide documents every exit code and every command [REQ-CLI-EXIT]", async () => {
  const guide = await readFile(new URL("../../../docs/guide/program.md", import.meta.url), "utf8");
  for (const code of Object.values(EXIT)) expect(guide).toMatch(new RegExp(`^\\| \`${code}\` +\\|`, "m"));
  for (const { name, options } of COMMANDS) {
    expect(guide).toContain(`trusted-mcp ${name}`);
    for (const option of Object.keys(options)) expect(guide, name).toContain(`--${option}`);
  }
});

test("nothing tells people to take the program from npm, where its name is not ours yet", async () => {
  const root = new URL("../../../", import.meta.url);
  const folders = ["examples/", "examples/host-config/", "examples/weather/", "examples/existing-server/"];
  const pages = (
    await Promise.all(
      ["", "docs/guide/", "packages/trusted-mcp/", ...folders].map(async (folder) =>
        (await readdir(new URL(folder, root)))
          .filter((name) => /^README.*md$|^\w+\.md$|mcp\.json$/.test(name))
          .map((name) => folder + name),
      ),
    )
  ).flat();
  expect(pages).toEqual(expect.arrayContaining(["README.zh-CN.md", "examples/host-config/mcp.json"]));
  for (const page of pages) {
    const text = await readFile(new URL(page, root), "utf8");
    expect(text, page).not.toMatch(/npx (-y|--yes) trusted-mcp|npm (i|install)\b[^`\n]* trusted-mcp\b/);
    expect(text, page).not.toMatch(/"command": "(npx|trusted-mcp)"/);
    if (text.includes("npx trusted-mcp"))
      expect(text, page).toMatch(/not on npm yet|\[the tarballs\]|还没有发布到 npm/i);
  }
});

test("a signal ends a command at once, with 128 + its number", async () => {
  const stop = new AbortController();
  // Never answers: the signal comes while the command waits.
  const silent = createServer(() => stop.abort("SIGTERM"));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const out = join(folder, "interrupted");
  await program(["keygen", "--out", out]);
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/mcp`;
  const running = program(["list", url, "--key", `${out}.key.pem`, "--server-key", `${out}.pub.pem`], {
    signal: stop.signal,
  });
  expect(await running).toMatchObject({ code: 143, stdout: "" });
  silent.close();
  silent.closeAllConnections();
});
