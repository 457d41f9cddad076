import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { check, freePort, root } from "./support.mjs";

/** @param {import("./support.mjs").Copy} copy */
export async function hostConfig(copy) {
  const port = `${await freePort()}`;
  const there = (/** @type {string} */ command) => command.replace("8080", port);
  for (const command of copy.documented.filter((each) => /^mkdir|keygen/.test(each))) {
    const { code, stderr } = await copy.run(command);
    check("it works", code === 0, stderr);
  }
  writeFileSync(join(copy.folder, "shared", "hello.txt"), "hello");
  const serve = copy.documented.find((command) => command.includes(" serve ")) ?? "";
  const server = await copy.serve(serve, /http:\/\/127\.0\.0\.1:\d+\/mcp/, { change: there });

  const list = copy.documented.find((command) => command.includes(" list ")) ?? "";
  const { stdout, stderr } = await copy.run(list, { change: there });
  check(
    "list shows who answers and its tools",
    /proved to be "server"/.test(stdout) && /read_text_file/.test(stdout),
    stdout + stderr,
  );

  // Hosts start the command in a folder of their own choice.
  const elsewhere = join(copy.env.HOME, "elsewhere");
  mkdirSync(elsewhere);
  for (const { file, key } of [
    { file: "mcp.json", key: "mcpServers" },
    { file: "vscode.mcp.json", key: "servers" },
  ]) {
    const config = JSON.parse(there(readFileSync(join(copy.folder, file), "utf8")))[key];
    for (const [name, entry] of Object.entries(config))
      await asHost(`${file}: ${name}`, entry, elsewhere, copy);
  }
  await server.stop();
}

/**
 * Starts the configured command exactly as a host does, and uses what it finds.
 * @param {string} what @param {{ command: string, args: string[] }} entry @param {string} cwd
 * @param {import("./support.mjs").Copy} copy
 */
async function asHost(what, { command, args }, cwd, copy) {
  const home = copy.env.HOME;
  const filled = args.map((arg) =>
    arg
      .replaceAll("${HOME}", home)
      .replaceAll("${userHome}", home)
      .replace(/^\/CLONE\//, root),
  );
  check(`${what}: no variable is left open`, !filled.some((arg) => arg.includes("${")), filled.join(" "));
  const transport = new StdioClientTransport({
    command,
    args: filled,
    env: copy.env,
    cwd,
    stderr: "pipe",
  });
  let log = "";
  transport.stderr?.on("data", (text) => (log += text));
  const client = new Client({ name: "host", version: "1.0.0" });
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    check(
      `${what}: the host lists ${tools.length} tools`,
      tools.some(({ name }) => name === "read_text_file"),
    );
    const path = join(copy.folder, "shared", "hello.txt");
    const read = await client.callTool({ name: "read_text_file", arguments: { path } });
    check(`${what}: the host calls one`, JSON.stringify(read).includes('"hello"'), JSON.stringify(read));
  } catch (error) {
    check(`${what}: the host connects`, false, `${error}\n${log}`);
  } finally {
    await client.close();
  }
}
