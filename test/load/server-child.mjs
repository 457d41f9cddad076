/** The server under load: `native` is TrustedMcpServer, `wrapped` is trusted(createMcpHandler(...)). */
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { limitHttp, trusted, TrustedMcpServer } from "@trusted-mcp/sdk/server";
import { z } from "zod";
import { cpuMeter, serveParent } from "./child.mjs";
import { AUDIENCE, serverSide } from "./keys.mjs";
import { median } from "./statistics.mjs";

const refused = {};
const cpu = cpuMeter();
let handler;
let http;
/** Resident memory since it was last asked for: it swings by a third with the collector, so one sample says little. */
let resident = [];

function registerTools(server) {
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  // Sends progress, waits, sends again until its caller leaves: pauseMs 0 as fast as it is taken.
  server.registerTool(
    "drip",
    { inputSchema: z.object({ pauseMs: z.number(), bytes: z.number() }) },
    async ({ pauseMs, bytes }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken ?? "";
      const { signal } = ctx.mcpReq;
      for (let progress = 0; !signal.aborted; progress += 1) {
        await ctx.mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, message: "x".repeat(bytes) },
        });
        await rest(pauseMs, signal);
      }
      return { content: [] };
    },
  );
  return server;
}

function rest(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

serveParent({
  async start({ kind, keys, options, httpLimits }) {
    const full = {
      ...serverSide(keys),
      ...options,
      onHandshake: (event) => event.outcome === "refused" && count(event.code),
      onerror: (error) => count(error?.code ?? "other"),
    };
    const info = { name: "load", version: "1" };
    const factory = () => registerTools(new McpServer(info, { capabilities: { logging: {} } }));
    handler =
      kind === "native"
        ? registerTools(
            new TrustedMcpServer(info, { ...full, mcp: { capabilities: { logging: {} } } }),
          ).handler(AUDIENCE)
        : trusted(createMcpHandler(factory), full);
    http = createServer({ connectionsCheckingInterval: 250 }, (request, response) => {
      void handler.node(request, response);
    });
    limitHttp(http, httpLimits);
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    setInterval(() => resident.push(process.memoryUsage.rss()), 50).unref();
    return { url: `http://127.0.0.1:${http.address().port}/mcp` };
  },
  state(collect) {
    if (collect) for (let turn = 0; turn < 4; turn += 1) globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const { sessions, streams } = handler;
    const descriptors = readdirSync("/proc/self/fd").length;
    const state = {
      rss,
      heap: heapUsed + external,
      usualRss: median([...resident, rss]),
      peak: Math.max(...resident, rss),
      descriptors,
      timers,
      sessions,
      streams,
    };
    resident = [];
    return { ...state, cpu: cpu(), refused: { ...refused } };
  },
});

function count(code) {
  refused[code] = (refused[code] ?? 0) + 1;
}
