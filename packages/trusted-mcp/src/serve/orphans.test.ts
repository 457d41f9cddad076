import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { eventually } from "../../test/serve/front.ts";
import { alive } from "../../test/serve/talk.ts";

const BUILT = new URL("../../dist/serve/stdio/stdio-handler.js", import.meta.url);
const MEMORY = createRequire(import.meta.url).resolve("@modelcontextprotocol/server-memory/dist/index.js");

/** A program around the handler, as it is built; prints the pid of the server it has started. */
const PROGRAM = `
  import { stdioHandler } from ${JSON.stringify(BUILT.href)};
  const log = { debug: (message, { pid }) => message === "server process started" && console.log(pid), info() {}, warn() {}, error() {} };
  const handler = stdioHandler({ command: process.execPath, args: [${JSON.stringify(MEMORY)}], log });
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  await handler.fetch(new Request("http://x/", { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }) }));
  console.log("ready");
  setInterval(() => {}, 1000);
`;

describe("when this program is killed outright", () => {
  it("its servers end as well, because their input ends (needs the build)", async () => {
    expect(existsSync(fileURLToPath(BUILT)), "run npm run build first").toBe(true);
    const program = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    program.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await eventually(() => output.includes("ready"), "the server is started");
    const pid = Number(output.split("\n")[0]);
    expect(alive(pid)).toBe(true);
    program.kill("SIGKILL");
    await once(program, "exit");
    await eventually(() => !alive(pid), "the server has ended");
  });
});
