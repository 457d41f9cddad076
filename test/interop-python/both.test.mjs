/** One endpoint for both protocols, with the real Python client on one side and ours on the other. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { generateKey, identityFrom, keySigner, pinnedPeers, pinnedServer } from "@trusted-mcp/identity";
import { connectTrusted } from "@trusted-mcp/sdk/client";
import { trusted } from "@trusted-mcp/sdk/server";
import { aiccServer, serverKeyFile, serveBoth } from "../../packages/aicc/dist/server.js";
import { keyFolder } from "./keys.mjs";
import { pythonClient } from "./python.mjs";
import { handlerV2, trustedServer } from "./servers.mjs";

let keys, server, alice;
before(async () => {
  keys = keyFolder();
  server = await generateKey("ed25519");
  alice = await generateKey("ed25519");
});
after(() => keys.remove());

/** The handler for AICC/0.1 and the half for trusted-mcp/1, of the same tools. */
const services = {
  "trusted(…) around SDK v2": async (audience, options) => {
    const handler = handlerV2();
    return { handler, half: trusted(handler, { ...options, audience }) };
  },
  TrustedMcpServer: async (audience, { identity, clients }) => {
    const both = await trustedServer({ identity, clients });
    return { handler: both.anonymous(), half: both.handler(audience) };
  },
};

async function endpoint({ mode, aicc: on, service = services["trusted(…) around SDK v2"] }) {
  const http = createServer();
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${http.address().port}/mcp`;
  const { handler, half } = await service(url, {
    identity: identityFrom(keySigner(server.privateKey)),
    clients: pinnedPeers([{ name: "alice", key: alice.publicKey }]),
    mode,
  });
  const warnings = [];
  const aiccKeys = on ? await serverKeyFile(keys.privateKey) : null;
  const aicc = on
    ? aiccServer(handler, { keys: aiccKeys, onwarning: (text) => warnings.push(text) })
    : undefined;
  const node = serveBoth({ trusted: half, ...(aicc && { aicc }) });
  http.on("request", (request, response) => void node(request, response));
  const close = async () => {
    aicc?.close();
    half.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  return { url, warnings, close };
}

const native = (url) =>
  connectTrusted(
    { name: "alice", version: "1" },
    { url, identity: identityFrom(keySigner(alice.privateKey)), server: pinnedServer(server.publicKey) },
  );
const hello = { name: "echo", arguments: { text: "hi" } };
const plainCall = (url) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: hello }),
  });

for (const [name, mode] of [
  ["trusted(…) around SDK v2", "require"],
  ["trusted(…) around SDK v2", "prefer"],
  ["TrustedMcpServer", "require"],
]) {
  describe(`side by side, ${name} in ${mode} mode`, () => {
    test("both clients are served at the same address, plaintext is not", async () => {
      const both = await endpoint({ mode, aicc: true, service: services[name] });
      const python = await pythonClient(both.url, keys.clientConfig);
      const ours = await native(both.url);
      for (let round = 0; round < 20; round += 1) {
        const [theirs, own] = await Promise.all([
          python.do({ do: "call", tool: "echo", arguments: { text: "hi" } }),
          ours.client.callTool(hello),
        ]);
        assert.deepEqual([theirs.text, own.content[0].text], ["hi", "hi"]);
      }
      assert.equal((await plainCall(both.url)).status, 422);
      assert.ok(both.warnings.length <= 1);
      await ours.close();
      await python.close();
      await both.close();
    });
  });
}

test("AICC/0.1 is off unless asked for: the Python client gets no further", async () => {
  const alone = await endpoint({ mode: "require", aicc: false });
  await assert.rejects(pythonClient(alone.url, keys.clientConfig));
  await alone.close();
});

test("a trusted-mcp/1 client never falls back to AICC/0.1", async () => {
  const seen = [];
  const aiccKeys = await serverKeyFile(keys.privateKey);
  const aicc = aiccServer(handlerV2(), { keys: aiccKeys, onwarning: () => {} });
  const http = createServer((request, response) => {
    seen.push(request.headers["content-type"]);
    void aicc.node(request, response);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  await assert.rejects(native(`http://127.0.0.1:${http.address().port}/mcp`));
  assert.ok(seen.length >= 1);
  aicc.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});
