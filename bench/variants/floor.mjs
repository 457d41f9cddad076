/** Ceiling: a bare Node server that parses JSON and answers; no MCP server in Node can be faster. */
import { createServer } from "node:http";
import { listen } from "../listen.mjs";
import { plainCaller } from "../load/plain-caller.mjs";
import { text } from "../workloads.mjs";

export async function startServer() {
  const prepared = new Map();
  const resultText = ({ text: sent, bytes }) => {
    if (sent !== undefined) return sent;
    if (!prepared.has(bytes)) prepared.set(bytes, text(bytes));
    return prepared.get(bytes);
  };
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (chunk) => parts.push(chunk));
    request.on("end", () => {
      const { id, params } = JSON.parse(Buffer.concat(parts).toString("utf8"));
      const result = { content: [{ type: "text", text: resultText(params.arguments) }] };
      const body = JSON.stringify({ result, jsonrpc: "2.0", id });
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    });
  });
  return await listen(server);
}

export async function client({ url }, { era }) {
  return { open: () => plainCaller(url, { era }) };
}
