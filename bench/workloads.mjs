/** What is called: the tool, the sizes, the messages of both protocol eras, and the check of every answer. */

/** `send`: the text travels both ways. `receive`: a small request for a large result. */
export const WORKLOADS = [
  { name: "100B", connections: 32, send: 100 },
  { name: "1K", connections: 32, send: 1024 },
  { name: "64K", connections: 16, receive: 64 * 1024 },
  { name: "1M", connections: 4, receive: 1024 * 1024 },
];

/** Prose, not one repeated letter: long runs would flatter anything that looks at the bytes. */
export function text(length) {
  const words = "a person asks a tool for the weather in a town and the answer is a line of plain text ";
  return words.repeat(Math.ceil(length / words.length)).slice(0, length);
}

export const ERA_HEADERS = {
  legacy: { "MCP-Protocol-Version": "2025-11-25" },
  modern: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call" },
};

/** The headers that the SDK's client sends with a call (observed with 2.4.0). */
export function callHeaders(era, workload) {
  const name = toolOf(workload).name;
  return {
    ...ERA_HEADERS[era],
    ...(era === "modern" && { "Mcp-Name": name }),
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    "Accept-Language": "*",
    "Sec-Fetch-Mode": "cors",
    "User-Agent": "node",
    "Accept-Encoding": "gzip, deflate",
  };
}

export function toolOf(workload) {
  return workload.send === undefined
    ? { name: "make", arguments: { bytes: workload.receive } }
    : { name: "echo", arguments: { text: text(workload.send) } };
}

/** Returns a function of the request id: the rest of the message is prepared once. */
export function callMessage(era, workload) {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { ...toolOf(workload), ...(era === "modern" && { _meta: meta }) };
  const start = `${JSON.stringify({ method: "tools/call", params }).slice(0, -1)},"jsonrpc":"2.0","id":`;
  return (id) => `${start}${id}}`;
}

export function expectedText(workload) {
  return text(workload.send ?? workload.receive);
}

/** Full check of an answer body, JSON or SSE: the id asked for and the very text. */
export function checkAnswer(body, id, expected) {
  const string = body.toString("utf8");
  const json = string.startsWith("{") ? string : /^data: ?(\{.*\})\r?$/m.exec(string)?.[1];
  if (json === undefined) throw new Error(`neither JSON nor SSE: ${string.slice(0, 200)}`);
  const message = JSON.parse(json);
  if (message.id !== id || message.result?.content?.[0]?.text !== expected)
    throw new Error(`wrong answer to request ${id}: ${string.slice(0, 200)}`);
}
