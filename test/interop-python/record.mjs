/**
 * Records what both implementations put on the wire into packages/aicc/vectors: the Python client and server, and
 * ours. Each vector keeps its AES key, so that it can be opened for ever; the RSA keys are made for the recording
 * and forgotten. Usage: node test/interop-python/record.mjs
 */
import { constants, createPrivateKey, createPublicKey, privateDecrypt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { aiccFetch, serverKeyFromFile } from "../../packages/aicc/dist/client.js";
import { keyFolder } from "./keys.mjs";
import { pythonClient, pythonServer } from "./python.mjs";
import { handlerV1, ourServer } from "./servers.mjs";

const folder = fileURLToPath(new URL("../../packages/aicc/vectors/", import.meta.url));
const keys = keyFolder();
const privateKey = createPrivateKey(readFileSync(keys.privateKey));
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

function aesKeyOf(body) {
  const wrapped = Buffer.from(JSON.parse(body).key, "base64");
  return privateDecrypt({ key: privateKey, ...OAEP }, wrapped).toString("base64");
}

/** Passes everything on to `target` and keeps what went through. */
async function recorder(target) {
  const exchanges = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const headers = { ...request.headers, host: new URL(target).host };
      const onward = httpRequest(target, { method: request.method, headers, agent: false }, (answer) => {
        const sealed = request.headers["x-trusted-mcp"] !== undefined;
        const exchange = {
          method: request.method,
          sealed,
          contentType: request.headers["content-type"],
          request: body.toString("utf8"),
          ...(sealed && { aesKey: aesKeyOf(body) }),
          status: answer.statusCode,
          answerSealed: answer.headers["x-trusted-mcp"] !== undefined,
          answerContentType: answer.headers["content-type"] ?? null,
          answer: "",
        };
        exchanges.push(exchange);
        response.writeHead(answer.statusCode, answer.headers);
        answer.on("data", (part) => {
          exchange.answer += part.toString("utf8");
          response.write(part);
        });
        answer.on("end", () => response.end());
        answer.on("error", () => response.destroy());
      });
      onward.on("error", () => response.destroy());
      response.on("close", () => onward.destroy());
      onward.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    exchanges,
    close: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))),
  };
}

function keep(name, by, exchanges) {
  const comment = `${by}. Recorded by test/interop-python/record.mjs; session ids and the RSA key no longer mean anything.`;
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" });
  // A stream that stayed open may have been cut in the middle of an event.
  const whole = exchanges.map((each) =>
    each.answerContentType?.startsWith("text/event-stream")
      ? { ...each, answer: each.answer.slice(0, each.answer.lastIndexOf("\r\n\r\n") + 4) }
      : each,
  );
  writeFileSync(
    `${folder}${name}.json`,
    `${JSON.stringify({ comment, publicKey, exchanges: whole }, null, 2)}\n`,
  );
  console.log(`${name}: ${whole.length} exchanges`);
}

const hello = { name: "echo", arguments: { text: "北京 é" } };
const steps = { name: "count", arguments: { steps: 3 } };

for (const json of [true, false]) {
  const kind = json ? "json" : "events";
  const ours = await ourServer(handlerV1({ json }), keys.privateKey);
  const before = await recorder(ours.url);
  const python = await pythonClient(before.url, keys.clientConfig);
  await python.do({ do: "list" });
  for (const { name, arguments: input } of [hello, steps, { name: "fail", arguments: {} }])
    await python.do({ do: "call", tool: name, arguments: input });
  await python.close();
  keep(
    `python-client-our-server-${kind}`,
    "The Python client (trustedmcp 0.0.5) and our server",
    before.exchanges,
  );
  await before.close();
  await ours.close();

  const theirs = await pythonServer(keys.serverConfig, json ? "json" : "sse");
  const between = await recorder(theirs.url);
  const serverKey = await serverKeyFromFile(keys.publicKey);
  for (const initialize of ["plain", "sealed"]) {
    const fetch = aiccFetch({ url: between.url, serverKey, initialize });
    const client = new Client({ name: "ours", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(between.url), { fetch });
    await client.connect(transport);
    await client.listTools();
    await client.callTool(hello);
    await client.callTool(steps, { onprogress: () => {} });
    await client.callTool({ name: "fail", arguments: {} });
    await transport.terminateSession();
    await client.close();
    fetch.close();
  }
  keep(
    `our-client-python-server-${kind}`,
    "Our client and the Python server (trustedmcp 0.0.5)",
    between.exchanges,
  );
  await between.close();
  await theirs.close();
}
keys.remove();
process.exit(0);
