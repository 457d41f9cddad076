/** Sealed calls over raw connections; the answers are counted and their mark is checked, the first is opened. */
import { AICC_HEADER, openBody, sealEnvelope, wrapKey } from "../controls/aicc.mjs";
import { openConnection, requestHead } from "../load/connection.mjs";

const JSON_HEADERS = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": "2025-06-18",
};
const TEXT = "x".repeat(1000);

export async function openCaller(url, publicKey) {
  const first = await openConnection(url);
  const initialize = {
    protocolVersion: "2025-06-18",
    capabilities: { experimental: { trustProtocol: { name: "AICC", version: "0.1" } } },
    clientInfo: { name: "bench", version: "1" },
  };
  const message = (id, method, params) => JSON.stringify({ jsonrpc: "2.0", id, method, params });
  const hello = await first.request(requestHead(url, JSON_HEADERS), message(0, "initialize", initialize));
  const session = /^mcp-session-id: *(\S+)/im.exec(hello.head)?.[1];
  const head = requestHead(url, {
    ...JSON_HEADERS,
    [AICC_HEADER]: "1",
    ...(session !== undefined && { "Mcp-Session-Id": session }),
  });
  let id = 0;
  const call = async (connection, text) => {
    const { key, wrapped } = wrapKey(publicKey);
    const response = await connection.request(head, sealEnvelope(key, text, wrapped));
    if (!/^x-trusted-mcp: *1/im.test(response.head)) throw new Error(`${response.status}: ${response.body}`);
    return { key, response };
  };
  const initialized = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
  await call(first, initialized).catch(() => undefined);
  const echo = () => message(++id, "tools/call", { name: "echo", arguments: { text: TEXT } });
  const { key, response } = await call(first, echo());
  if (!openBody(key, response.body, "application/json").toString().includes(TEXT))
    throw new Error("not an echo");
  first.close();
  return {
    /** Each slice has connections of its own: servers close those that idle while the others are measured. */
    async run(lanes, duration) {
      const connections = await Promise.all(Array.from({ length: lanes }, () => openConnection(url)));
      const latencies = [];
      const start = performance.now();
      const end = start + duration;
      await Promise.all(
        connections.map(async (connection) => {
          while (performance.now() < end) {
            const sent = performance.now();
            await call(connection, echo());
            latencies.push(performance.now() - sent);
          }
        }),
      );
      for (const connection of connections) connection.close();
      return { calls: latencies.length, seconds: (performance.now() - start) / 1000, latencies };
    },
  };
}
