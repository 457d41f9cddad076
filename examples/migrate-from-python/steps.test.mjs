/** Runs the three steps as somebody at a terminal would, one after the other. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { generateKey, writeKeyPair } from "@trusted-mcp/identity";
import { freePort, python } from "../../test/interop-python/python.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "migrate-from-python-"));
const interpreter = python();
const programOf = (script) => (script.endsWith(".py") ? interpreter : process.execPath);
let env;

before(async () => {
  const port = await freePort();
  env = {
    ...process.env,
    PORT: String(port),
    MCP_URL: `http://127.0.0.1:${port}/mcp`,
    NODE_NO_WARNINGS: "1",
  };
  execFileSync("openssl", ["genrsa", "-out", "myPrivateKey.pem", "4096"], { cwd: folder, stdio: "ignore" });
  const publicKey = ["rsa", "-pubout", "-in", "myPrivateKey.pem", "-out", "myPublicKey.pem"];
  execFileSync("openssl", publicKey, { cwd: folder, stdio: "ignore" });
  writeFileSync(join(folder, "server_config.json"), '{"key_file": "./myPrivateKey.pem"}');
  writeFileSync(join(folder, "client_config.json"), '{"pub_key_path": "./myPublicKey.pem"}');
  for (const name of ["server", "alice"])
    await writeKeyPair(join(folder, name), await generateKey("ed25519"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function step(serverScript, clientScript) {
  const server = spawn(programOf(serverScript), [here(serverScript)], { cwd: folder, env, stdio: "ignore" });
  try {
    for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const up = await fetch(env.MCP_URL).then(
        () => true,
        () => false,
      );
      if (up) break;
      assert.ok(server.exitCode === null && Date.now() < end, `${serverScript} did not start`);
    }
    const args = [here(clientScript), "北京"];
    const options = { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    const output = execFileSync(programOf(clientScript), args, options);
    // The Python SDK logs to stdout too.
    assert.equal(output.trim().split("\n").at(-1), "北京: sunny, 24 °C");
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
}

test("step 1: the Python pair", () => step("step1-server.py", "step1-client.py"));
test("step 2: our server, the Python client", () => step("step2-server.mjs", "step1-client.py"));
test("step 3: both ours, on trusted-mcp/1", () => step("step3-server.mjs", "step3-client.mjs"));
