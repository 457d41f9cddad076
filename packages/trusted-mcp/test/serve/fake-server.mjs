// A stdio server that misbehaves on request. Legacy and 2026-07-28 requests are answered alike, by method.
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";

const [mode = "plain"] = process.argv.slice(2);
const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const held = [];

if (mode === "exit") process.exit(3);
if (mode === "deaf") {
  process.on("SIGTERM", () => {});
  setInterval(() => {}, 1000);
}
if (mode === "term") setInterval(() => {}, 1000);
if (mode === "family") {
  const grandchild = spawn(
    process.execPath,
    ["-e", "process.on('SIGTERM',()=>{});setInterval(()=>{},1000)"],
    { stdio: "ignore" },
  );
  process.stderr.write(`grandchild ${grandchild.pid}\n`);
}
if (mode === "noisy") process.stderr.write("a secret\u001b[2J in stderr\n");

const METHODS = {
  initialize: ({ id, params }) => {
    if (mode === "refuses") return write({ id, error: { code: -32602, message: "Unsupported version" } });
    if (mode === "silent") return undefined;
    if (mode === "garbage") process.stdout.write("Hello, I print banners\n\n{broken\n[]\n");
    return write({
      id,
      result: {
        protocolVersion: params.protocolVersion ?? "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "fake", version: "1" },
      },
    });
  },
  ping: ({ id }) => write({ id, result: {} }),
  "server/discover": ({ id, params }) => {
    if (mode === "modern") {
      return write({
        id,
        result: {
          resultType: "complete",
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: {} },
          serverInfo: { name: "fake", version: "1" },
          ttlMs: 0,
          cacheScope: "private",
        },
      });
    }
    if (mode === "dies-on-probe") process.exit(1);
    if (mode === "silent") return undefined;
    return write({
      id,
      error: {
        code: -32601,
        message: "Method not found",
        data: { asked: params?._meta ? "modern" : "legacy" },
      },
    });
  },
  "tools/list": ({ id, params }) => {
    const routed = {
      name: "routed",
      inputSchema: {
        type: "object",
        properties: {
          region: { type: "string", "x-mcp-header": "Region" },
          at: { type: "object", properties: { row: { type: "integer", "x-mcp-header": "Row" } } },
        },
      },
    };
    if (params?.cursor === "2") return write({ id, result: { resultType: "complete", tools: [routed] } });
    return write({
      id,
      result: {
        resultType: "complete",
        tools: [{ name: "first", inputSchema: { type: "object" } }],
        nextCursor: "2",
      },
    });
  },
  "tools/call": ({ id, params }) => {
    if (params.name === "crash") process.exit(7);
    write({ id, result: { resultType: "complete", content: [], called: params.name } });
  },
  "fake/echo": ({ id, params }) => write({ id, result: { params, pid: process.pid } }),
  "fake/environment": ({ id }) =>
    write({ id, result: { env: process.env, cwd: process.cwd(), argv: process.argv.slice(2) } }),
  "fake/crash": () => process.exit(7),
  "fake/kill": () => process.kill(process.pid, "SIGKILL"),
  "fake/hang": (message) => held.push(message),
  "fake/release": ({ id }) => {
    for (const message of held.splice(0)) write({ id: message.id, result: { released: true } });
    write({ id, result: {} });
  },
  "fake/progress": ({ id, params }) => {
    const progressToken = params?._meta?.progressToken;
    write({ method: "notifications/progress", params: { progressToken, progress: 1, total: 2 } });
    write({ method: "notifications/message", params: { level: "info", data: "half way" } });
    setTimeout(() => write({ id, result: { done: true, progressToken } }), params?.ms ?? 5);
  },
  "fake/stale-progress": ({ id }) => {
    write({ method: "notifications/progress", params: { progressToken: "nobody", progress: 1 } });
    write({ id, result: {} });
  },
  "fake/ask": ({ id }) => {
    held.push({ id });
    write({ id: "ask-1", method: "roots/list", params: {} });
  },
  "fake/changed": ({ id }) => {
    write({ method: "notifications/tools/list_changed" });
    write({ id, result: {} });
  },
  "fake/huge": ({ id, params }) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"data":"`);
    process.stdout.write("x".repeat(params.bytes));
    process.stdout.write(`"}}\n`);
  },
  "fake/flood": ({ id, params }) => {
    const progressToken = params._meta.progressToken;
    let n = 0;
    const next = () => {
      while (n < params.count) {
        n++;
        const progress = { progressToken, progress: n, message: "y".repeat(params.size) };
        if (!write({ method: "notifications/progress", params: progress }))
          return process.stdout.once("drain", next);
      }
      return write({ id, result: { sent: n } });
    };
    next();
  },
  "fake/raw": ({ params }) => process.stdout.write(`${params.line}\n`),
  "fake/seen": ({ id }) => write({ id, result: { seen } }),
  "subscriptions/listen": ({ id, params }) => {
    const _meta = { "io.modelcontextprotocol/subscriptionId": id };
    write({
      method: "notifications/subscriptions/acknowledged",
      params: { notifications: params.notifications, _meta },
    });
    write({ method: "notifications/tools/list_changed", params: { _meta } });
    held.push({ id, listen: true });
  },
};

const seen = [];
createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  seen.push(line);
  if (message.method === undefined) {
    const asked = held.pop();
    if (asked) write({ id: asked.id, result: { answered: message.result } });
    return;
  }
  if (message.method === "notifications/cancelled" && mode === "answers-cancelled") {
    const late = held.pop();
    setTimeout(() => write({ id: late.id, result: { late: true } }), 1300);
    return;
  }
  if (message.method === "notifications/speak") write({ method: "notifications/early" });
  if (message.id === undefined) return;
  const handle = METHODS[message.method];
  if (handle === undefined) write({ id: message.id, error: { code: -32601, message: "Method not found" } });
  else handle(message);
});
