/** The program with --aicc: the real Python client before `serve`, and `connect` before the real Python server. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import {
  fileSigner,
  generateKey,
  identityFrom,
  loadPublicKey,
  pinnedServer,
  writeKeyPair,
} from "@trusted-mcp/identity";
import { connectTrusted } from "@trusted-mcp/sdk/client";
import { fourPrimes, keyFolder, rotate } from "./keys.mjs";
import { pythonClient, pythonServer } from "./python.mjs";

const PROGRAM = fileURLToPath(new URL("../../packages/trusted-mcp/bin/trusted-mcp.js", import.meta.url));
const FILESYSTEM = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-filesystem/dist/index.js",
);

let keys, folder, served;
before(async () => {
  keys = keyFolder();
  folder = realpathSync(keys.folder);
  for (const name of ["server", "alice"])
    await writeKeyPair(join(folder, name), await generateKey("ed25519"));
  writeFileSync(join(folder, "hello.txt"), "你好\n");
});
after(() => keys.remove());

/** `trusted-mcp serve` in front of the real filesystem server. */
async function serve(...more) {
  const path = (name) => join(folder, name);
  const args = ["serve", "--port", "0", "--key", path("server.key.pem"), "--allow", path("alice.pub.pem")];
  const child = spawn(
    process.execPath,
    [PROGRAM, ...args, ...more, "--", process.execPath, FILESYSTEM, folder],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (part) => (log += part));
  const ended = once(child, "exit");
  const first = once(createInterface({ input: child.stdout }), "line").then(([line]) => line);
  const url = await Promise.race([first, ended.then(([code]) => assert.fail(`ended with ${code}: ${log}`))]);
  return {
    url,
    log: () => log,
    stop: async () => {
      child.kill("SIGTERM");
      const [code] = await ended;
      return code;
    },
  };
}

const native = async () =>
  connectTrusted(
    { name: "alice", version: "1" },
    {
      url: served.url,
      identity: identityFrom(await fileSigner(join(folder, "alice.key.pem"))),
      server: pinnedServer(await loadPublicKey(join(folder, "server.pub.pem"))),
    },
  );

describe("the Python client before `serve --aicc` with a key of four primes, in front of a real stdio server", () => {
  let python;
  before(async () => {
    fourPrimes(keys);
    served = await serve("--aicc", "--aicc-key", keys.privateKey);
    python = await pythonClient(served.url, keys.clientConfig);
  });
  after(async () => {
    await python.close();
    assert.equal(await served.stop(), 0);
    // The Python server reads keys of two primes only.
    rotate(keys);
  });

  test("lists the tools and calls one, beside a client of trusted-mcp/1", async () => {
    const ours = await native();
    const tools = (await ours.client.listTools()).tools.map(({ name }) => name);
    assert.ok(tools.includes("read_text_file"));
    assert.deepEqual(await python.do({ do: "list" }), tools);
    const call = { tool: "read_text_file", arguments: { path: join(folder, "hello.txt") } };
    for (let round = 0; round < 20; round += 1) {
      const [theirs, own] = await Promise.all([
        python.do({ do: "call", ...call }),
        ours.client.callTool({ name: call.tool, arguments: call.arguments }),
      ]);
      assert.deepEqual([theirs.text, own.content[0].text], ["你好\n", "你好\n"]);
    }
    await ours.close();
  });

  test("gets an error result, and a result of 1 MB", async () => {
    const absent = { do: "call", tool: "read_text_file", arguments: { path: join(folder, "absent") } };
    assert.equal((await python.do(absent)).error, true);
    writeFileSync(join(folder, "large.txt"), "x".repeat(1_048_576));
    const large = { ...absent, arguments: { path: join(folder, "large.txt") } };
    assert.equal((await python.do(large)).length, 1_048_576);
  });

  test("one warning says what AICC/0.1 cannot protect; plaintext is refused", async () => {
    assert.equal(served.log().split("AICC/0.1 is on").length, 2);
    const answer = await fetch(served.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    });
    assert.equal(answer.status, 422);
  });
});

test("without --aicc the Python client gets no further", async () => {
  served = await serve();
  await assert.rejects(pythonClient(served.url, keys.clientConfig));
  assert.equal(await served.stop(), 0);
});

for (const answers of ["json", "sse"]) {
  test(`the Python server (${answers}) behind \`connect --aicc\`, for any host`, async (t) => {
    const server = await pythonServer(keys.serverConfig, answers);
    t.after(() => server.close());
    const args = [PROGRAM, "connect", server.url, "--aicc", "--server-key", keys.publicKey];
    const client = new Client({ name: "host", version: "1" });
    const transport = new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" });
    await client.connect(transport);
    t.after(() => client.close());
    // As it came: the SDK's client forgets whom progress is for when the result follows in the same chunk.
    const progress = [];
    const { onmessage } = transport;
    transport.onmessage = (message, ...more) => {
      if (message.method === "notifications/progress") progress.push(message.params.progress);
      onmessage?.(message, ...more);
    };
    assert.equal(client.getInstructions(), "From the Python server.");
    assert.deepEqual(
      (await client.listTools()).tools.map(({ name }) => name),
      ["echo", "make", "fail", "count"],
    );
    const counted = await client.callTool(
      { name: "count", arguments: { steps: 3 } },
      { onprogress: () => undefined },
    );
    assert.equal(counted.content[0].text, "counted");
    if (answers === "sse") assert.deepEqual(progress, [1, 2, 3]);
    const made = await client.callTool({ name: "make", arguments: { bytes: 1_048_576 } });
    assert.equal(made.content[0].text.length, 1_048_576);
  });
}
