/** Both halves against the real Python package, as PyPI has it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { aiccFetch, serverKeyFromFile } from "../../packages/aicc/dist/client.js";
import { keyFolder, rotate } from "./keys.mjs";
import { python, pythonClient, pythonServer } from "./python.mjs";
import { handlerV1, handlerV2, ourServer, trustedServer } from "./servers.mjs";

const MEGABYTE = 1_048_576;
const TOOLS = ["echo", "make", "fail", "count"];
let keys;
before(() => (keys = keyFolder()));
after(() => keys.remove());

test("the Python package opens every recorded vector", () => {
  const folder = fileURLToPath(new URL("../../packages/aicc/vectors/", import.meta.url));
  const script = fileURLToPath(new URL("verify.py", import.meta.url));
  const { opened } = JSON.parse(
    execFileSync(python(), [script, folder], { encoding: "utf8", cwd: keys.folder }),
  );
  assert.ok(opened > 60, String(opened));
});

const ours = {
  "SDK v2, stateless": async () => handlerV2(),
  "SDK v1, sessions, event streams": async () => handlerV1(),
  "SDK v1, sessions, JSON": async () => handlerV1({ json: true }),
  TrustedMcpServer: async () => (await trustedServer()).anonymous(),
};

for (const [name, make] of Object.entries(ours)) {
  describe(`Python client, our server (${name})`, () => {
    let handler, server, client;
    before(async () => {
      handler = await make();
      server = await ourServer(handler, keys.privateKey);
      client = await pythonClient(server.url, keys.clientConfig);
    });
    after(async () => {
      await client.close();
      await server.close();
    });

    test("lists the tools", async () => assert.deepEqual(await client.do({ do: "list" }), TOOLS));
    test("calls one, in any script", async () => {
      const { text } = await client.do({ do: "call", tool: "echo", arguments: { text: "北京 é" } });
      assert.equal(text, "北京 é");
    });
    test("gets a result of 1 MB", async () => {
      const { length } = await client.do({ do: "call", tool: "make", arguments: { bytes: MEGABYTE } });
      assert.equal(length, MEGABYTE);
    });
    test("gets an error result", async () => {
      assert.equal((await client.do({ do: "call", tool: "fail", arguments: {} })).error, true);
    });
    test("gets every event of a stream", async () => {
      const { text, progress } = await client.do({ do: "call", tool: "count", arguments: { steps: 5 } });
      assert.equal(text, "counted");
      if (!name.includes("JSON")) assert.deepEqual(progress, [1, 2, 3, 4, 5]);
    });
    test("1,000 calls, 20 at once, without one failure", async () => {
      const { failures } = await client.do({ do: "many", calls: 1000, atOnce: 20, size: 1000 });
      assert.equal(failures, 0);
      assert.deepEqual(server.errors, []);
    });
    test("survives a rotation of the server's key, seen by the server first", async () => {
      rotate(keys);
      await delay(300);
      // The client may still have the old key: the server keeps it for a while.
      assert.equal((await client.do({ do: "many", calls: 5, atOnce: 1, size: 10 })).failures, 0);
      await delay(700);
      assert.equal((await client.do({ do: "many", calls: 5, atOnce: 1, size: 10 })).failures, 0);
      assert.deepEqual(server.errors, []);
    });
    test("ends its session", async () => {
      await client.close();
      assert.equal(handler.sessions?.size ?? 0, 0);
    });
  });
}

const lines = {
  "SDK v2": (url, fetch) => [
    new Client({ name: "ours", version: "1" }),
    new StreamableHTTPClientTransport(url, { fetch }),
  ],
  "SDK v1": (url, fetch) => [new Client1({ name: "ours", version: "1" }), new Transport1(url, { fetch })],
};

for (const answers of ["json", "sse"]) {
  for (const [line, make] of Object.entries(lines)) {
    for (const initialize of ["sealed", "plain"]) {
      describe(`our client (${line}, ${initialize} initialize), Python server (${answers})`, () => {
        let server, client, transport, fetch;
        before(async () => {
          server = await pythonServer(keys.serverConfig, answers);
          const serverKey = await serverKeyFromFile(keys.publicKey, { intervalMs: 100 });
          fetch = aiccFetch({ url: server.url, serverKey, initialize });
          [client, transport] = make(new URL(server.url), fetch);
          await client.connect(transport);
        });
        after(async () => {
          await transport.terminateSession();
          await client.close();
          fetch.close();
          await server.close();
        });
        const echo = async (text) =>
          (await client.callTool({ name: "echo", arguments: { text } })).content[0].text;

        test("reads instructions only when they were sealed", () => {
          const expected = initialize === "sealed" ? "From the Python server." : undefined;
          assert.equal(client.getInstructions(), expected);
        });
        test("lists the tools", async () => {
          assert.deepEqual(
            (await client.listTools()).tools.map((tool) => tool.name),
            TOOLS,
          );
        });
        test("calls one, in any script", async () => assert.equal(await echo("北京 é"), "北京 é"));
        test("gets a result of 1 MB", async () => {
          const result = await client.callTool({ name: "make", arguments: { bytes: MEGABYTE } });
          assert.equal(result.content[0].text.length, MEGABYTE);
        });
        test("gets an error result", async () => {
          assert.equal((await client.callTool({ name: "fail", arguments: {} })).isError, true);
        });
        test("gets every event of a stream", async () => {
          const progress = [];
          const options = { onprogress: (event) => progress.push(event.progress) };
          const call = { name: "count", arguments: { steps: 5 } };
          const result = await (line === "SDK v1"
            ? client.callTool(call, undefined, options)
            : client.callTool(call, options));
          assert.equal(result.content[0].text, "counted");
          if (answers === "sse") assert.deepEqual(progress, [1, 2, 3, 4, 5]);
        });
        test("many calls, 20 at once, without one failure", async () => {
          const calls = initialize === "sealed" ? 1000 : 100;
          let failures = 0;
          const lane = async (number) => {
            for (let call = 0; call < calls / 20; call += 1) {
              const text = `${number}-${call}-${"y".repeat(1000)}`;
              if ((await echo(text).catch(() => "")) !== text) failures += 1;
            }
          };
          await Promise.all(Array.from({ length: 20 }, (_, number) => lane(number)));
          assert.equal(failures, 0);
        });
        test("survives a rotation of the server's key", async () => {
          rotate(keys);
          // Each side reads its own file when it has changed; until both have, a call fails.
          let text = "";
          for (const end = Date.now() + 30_000; text !== "after" && Date.now() < end;) {
            await delay(200);
            text = await echo("after").catch(() => "");
          }
          assert.equal(text, "after");
        });
      });
    }
  }
}
